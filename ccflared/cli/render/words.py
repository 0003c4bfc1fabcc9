"""Times, durations, counts and sizes in words. Pure: now and the time zone are arguments."""

from datetime import datetime, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST = 99_999 * 86_400.0
"""Seconds beyond which nobody means what they say, and no line has room for it."""


def duration(seconds: float) -> str:
    """Return seconds as two units at most: ``3 s``, ``4 min``, ``2 h 5 min``, ``3 days 4 h``."""
    seconds = min(max(seconds, 0.0), _LONGEST)
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    named = "1 day" if days == 1 else f"{days} days"
    return f"{named} {hours} h" if hours and days < 14 else named


def ago(at: float, now: float) -> str:
    """Return ``just now`` or ``4 min ago``."""
    return "just now" if now - at < 1.5 else f"{duration(now - at)} ago"


def ahead(at: float, now: float) -> str:
    """Return ``now`` or ``in 4 min``."""
    return "now" if at - now < 0.5 else f"in {duration(at - now)}"


def clock(at: float, now: float, zone: tzinfo | None) -> str:
    """Return the time of day, and of the date what is needed beside ``now``. ``zone`` None: the system's."""
    when, today = _local(at, zone), _local(now, zone)
    if when is None or today is None:
        return "at an unknown time"
    time = f"{when:%H:%M}"
    days = (when.date() - today.date()).days
    if days == 0:
        return time
    if days == 1:
        return f"tomorrow {time}"
    if days == -1:
        return f"yesterday {time}"
    if 0 < days < 7:
        return f"{_DAYS[when.weekday()]} {time}"
    date = f"{when.day} {_MONTHS[when.month - 1]}"
    return f"{date} {time}" if when.year == today.year else f"{date} {when.year}"


def _local(at: float, zone: tzinfo | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(at, zone)
    except (OverflowError, OSError, ValueError):  # a year that no calendar has
        return None


def count(number: int) -> str:
    """Return a number with its thousands apart: ``12,345``."""
    return f"{number:,}"


def many(number: int, one: str, more: str | None = None) -> str:
    """Return ``1 account`` or ``3 accounts``; ``more`` where the plural is not ``one`` with an s."""
    return f"{count(number)} {one if number == 1 else more or one + 's'}"


def short(number: float) -> str:
    """Return a number in three digits or so: ``950``, ``12.3 k``, ``4.6 M``, ``1.2 G``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size * 0.9995:
            value = number / size
            return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"
    return f"{number:.0f}"


def size(number: float) -> str:
    """Return bytes as ``84 MiB``."""
    for unit, one in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= one:
            value = number / one
            return f"{value:.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"
    return f"{number:.0f} bytes"


def usd(amount: float) -> str:
    """Return an amount of USD with two decimal places, more where it would look like nothing."""
    return f"{amount:.2f}" if amount >= 0.01 or amount <= 0 else f"{amount:.4f}"


def milliseconds(number: float) -> str:
    """Return ``240 ms``, ``2.1 s`` or ``1 min``."""
    if number < 1000:
        return f"{number:.0f} ms"
    return f"{number / 1000:.1f} s" if number < 60_000 else duration(number / 1000)


def listed(items: list[str], last: str = "and") -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""
