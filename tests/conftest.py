"""Makes the test helpers importable, and keeps a test from hanging for ever."""

import faulthandler
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The machine may be busy: how long an example takes is no property of what is tested.
settings.register_profile("ccflared", deadline=None)
settings.load_profile("ccflared")

if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup
    # What is ignored stays so in programs that tests start; what is heard and passed over does not.
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)

for folder in (".", "daemon", "providers", "dashboard"):
    sys.path.insert(0, str(Path(__file__).parent / folder))


@pytest.fixture(autouse=True)
def _no_test_hangs(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the run with every thread's stack where a test takes longer than any may."""
    booting = request.node.get_closest_marker("machine") is not None
    faulthandler.dump_traceback_later(1800 if booting else 300, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
