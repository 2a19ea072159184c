"""Moments: the province's local time, the 14-digit stamps of the sources, and what "now" means.

Everything that a rule calls "now" is passed as an aware datetime; ONESTOP_AS_OF or --as-of set it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from onestop.errors import ConfigurationError

STAMP = "%Y%m%d%H%M%S"


def to_stamp(moment: datetime, zone: ZoneInfo) -> str:
    """An aware moment as yyyyMMddHHmmss in the zone's local time."""
    return moment.astimezone(zone).strftime(STAMP).zfill(14)


def from_stamp(stamp: str, zone: ZoneInfo) -> datetime:
    """yyyyMMddHHmmss in the zone's local time as an aware moment. Raises ValueError."""
    return datetime.strptime(stamp, STAMP).replace(tzinfo=zone)


def shift_stamp(stamp: str, delta: timedelta) -> str:
    """A local stamp moved by a span of local (wall clock) time; never before 19700101000000."""
    moved = datetime.strptime(stamp, STAMP) + delta  # noqa: DTZ007  (wall clock on purpose)
    return max(moved.strftime(STAMP), "19700101000000")


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 moment; without an offset it is the province's local time.

    Raises:
        ConfigurationError: the text is no moment.
    """
    try:
        moment = datetime.fromisoformat(text)
        if not 1970 < moment.year < 9999:
            raise ValueError("out of range")
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a moment", next_step="write it as ISO 8601, for example 2024-09-25T08:00:00+07:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def system_now() -> datetime:
    """The system's clock, aware, in UTC."""
    return datetime.now(UTC)
