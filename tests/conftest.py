"""Makes the test helpers importable, and keeps a test from hanging for ever."""

import sys
from pathlib import Path

from hypothesis import settings

# The machine may be busy: how long an example takes is no property of what is tested.
settings.register_profile("ccflared", deadline=None)
settings.load_profile("ccflared")

for folder in (".", "daemon"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
