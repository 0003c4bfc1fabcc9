"""The kinds of values that are about time: durations, zones, days, times of day, moments."""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
import datetime as dt
import re

from ccflared.config.kinds import Json, KeyPath, Kind, Reading
from ccflared.config.words import duration_seconds, duration_text, found, listed, quoted

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 36500 * 86400.0


class Duration(Kind[float]):
    """Seconds, spelled ``"90s"`` or as a number.

    ``zero`` is the word that stands for 0, where 0 makes sense.
    """

    def __init__(self, example: str = "90s", *, zero: str | None = None) -> None:
        self.zero = zero
        self.expects = f'a duration such as "{example}"' + (f' or "{zero}"' if zero else "")

    def read(self, value: object, path: KeyPath, reading: Reading) -> float | None:
        seconds: float | None = None
        if isinstance(value, str):
            seconds = 0.0 if self.zero is not None and value == self.zero else duration_seconds(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            seconds = float(value) if abs(value) <= _LONGEST else None
        if seconds is None or not 0 <= seconds <= _LONGEST:
            return self.reject(value, path, reading)
        if seconds == 0 and self.zero is None:
            reading.wrong(path, f"expected {self.expects}; it must be longer than nothing")
            return None
        return seconds

    def schema(self) -> Json:
        pattern = r"^\s*(\d+(\.\d+)?(ms|s|m|h|d|w))+\s*$" + (f"|^{self.zero}$" if self.zero else "")
        bound: Json = {"minimum": 0} if self.zero is not None else {"exclusiveMinimum": 0}
        return {"anyOf": [{"type": "string", "pattern": pattern}, {"type": "number", **bound}]}

    def write(self, value: float) -> object:
        return self.zero if value == 0 and self.zero is not None else duration_text(value)


class Zone(Kind[str]):
    """A time zone of the tz database."""

    expects = 'a time zone such as "Europe/Berlin"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_+/-]{1,64}", value):
            return self.reject(value, path, reading)
        if reading.zone_exists(value):
            return value
        if not reading.zone_exists("UTC"):
            reading.wrong(
                path, "this system has no time zone database (Debian: tzdata), so no zone can be named"
            )
            return None
        reading.wrong(path, f'there is no time zone {quoted(value)} (expected one such as "Europe/Berlin")')
        return None

    def schema(self) -> Json:
        return {"type": "string", "pattern": "^[A-Za-z0-9_+/-]{1,64}$"}


class Day(Kind[dt.date]):
    """A date, bare or in quotes."""

    expects = 'a date such as "2027-01-01"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> dt.date | None:
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                reading.wrong(path, f"there is no day {quoted(value)}")
                return None
        return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}

    def write(self, value: dt.date) -> object:
        return value.isoformat()


class TimeOfDay(Kind[int]):
    """Minutes after midnight, spelled ``"14:30"``."""

    expects = 'a time of day such as "14:30"'

    def read(self, value: object, path: KeyPath, reading: Reading) -> int | None:
        if isinstance(value, dt.time):
            return value.hour * 60 + value.minute
        if isinstance(value, str) and (match := re.fullmatch(r"([01]?\d|2[0-4]):([0-5]\d)", value)):
            minutes = int(match[1]) * 60 + int(match[2])
            if minutes <= 24 * 60:
                return minutes % (24 * 60)
        return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"type": "string", "pattern": r"^(([01]?\d|2[0-3]):[0-5]\d|24:00)$"}

    def write(self, value: int) -> object:
        return f"{value // 60:02d}:{value % 60:02d}"


class Weekdays(Kind[frozenset[int]]):
    """Days of the week, 0 for Monday, spelled ``["mon", "tue"]``."""

    expects = 'a list of days such as ["mon", "fri"]'

    def read(self, value: object, path: KeyPath, reading: Reading) -> frozenset[int] | None:
        if not isinstance(value, list) or not value:
            return self.reject(value, path, reading)
        days = [day.casefold()[:3] if isinstance(day, str) else "" for day in value]
        for index, day in enumerate(days):
            if day not in _DAYS:
                reading.wrong((*path, index), f"expected {listed(_DAYS)}, found {found(value[index])}")
        return frozenset(_DAYS.index(day) for day in days if day in _DAYS)

    def schema(self) -> Json:
        return {"type": "array", "items": {"enum": list(_DAYS)}, "minItems": 1}

    def write(self, value: frozenset[int]) -> object:
        return [_DAYS[day] for day in sorted(value)]


class Instant(Kind[float]):
    """A moment: a TOML date with time, or seconds (in credentials files: milliseconds) since 1970."""

    expects = "a date with time, or seconds since 1970"

    def read(self, value: object, path: KeyPath, reading: Reading) -> float | None:
        if isinstance(value, dt.datetime):
            return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e14:
            return value / 1000 if value > 1e11 else float(value)
        return self.reject(value, path, reading)

    def schema(self) -> Json:
        return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "format": "date-time"}]}
