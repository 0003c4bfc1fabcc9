"""What the system tells of this process: memory, processor time, open files. What it does not tell is left out."""

import os
from pathlib import Path
from typing import Final

from ccflared.daemon.metrics.exposition import Page

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def resident() -> int | None:
    """Return the resident size in bytes, where the system tells it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return None


def describe_process(page: Page, started_at: float) -> None:
    """Add the metrics that every process has, under the names that all programs use for them."""
    used = os.times()
    page.counter(
        "process_cpu_seconds_total",
        "Processor time that was used, in user and system mode.",
        [({}, used.user + used.system)],
    )
    page.gauge("process_start_time_seconds", "When the process was started.", [({}, started_at)])
    if (size := resident()) is not None:
        page.gauge("process_resident_memory_bytes", "Memory in use.", [({}, size)])
    if (files := _open_files()) is not None:
        page.gauge("process_open_fds", "Open file descriptors.", [({}, files)])


def _open_files() -> int | None:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # without the one that this look needs
    except OSError:
        return None
