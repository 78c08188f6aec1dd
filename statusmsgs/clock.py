"""The parts of a moment that line forms can name, always in UTC.

Months and weekdays are spelled here and not by the locale: the phones print English.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

TIME_FIELDS = frozenset(
    {"weekday", "month_name", "month", "day", "day_number", "year", "year2"}
    | {"hour", "hour12", "minute", "second", "microsecond", "clock", "half"}
)


@lru_cache(maxsize=64)
def time_fields(at_seconds: float) -> Mapping[str, object]:
    """Return the fields of a moment given as Unix time.

    The nearest microsecond is taken: a float near 2e9 is exact to a quarter of one, so rounding
    gives back what was meant, where cutting off would often give one less.
    Remembered for a few moments, because one event makes many lines.
    """
    seconds, microsecond = divmod(round(at_seconds * 1_000_000), 1_000_000)
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    hour_minute_second = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    fields: dict[str, object] = {
        "weekday": WEEKDAYS[moment.weekday()],
        "month_name": MONTHS[moment.month - 1],
        "month": f"{moment.month:02d}",
        "day": f"{moment.day:02d}",
        "day_number": moment.day,
        "year": f"{moment.year:04d}",
        "year2": f"{moment.year % 100:02d}",
        "hour": f"{moment.hour:02d}",
        "hour12": str(moment.hour % 12 or 12),
        "minute": f"{moment.minute:02d}",
        "second": f"{moment.second:02d}",
        "microsecond": f"{microsecond:06d}",
        "clock": f"{hour_minute_second}.{microsecond:06d}",
        "half": "am" if moment.hour < 12 else "pm",
    }
    return MappingProxyType(fields)
