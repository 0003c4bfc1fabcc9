"""Makes the test helpers importable, and keeps a test from hanging for ever."""

import sys
from pathlib import Path

for folder in (".", "daemon"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
