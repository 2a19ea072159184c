"""A case of the feedback system in the warehouse's form: times as 14 digits of local time, flags as 1 and 0.

The record itself is not changed: landing and quarantine keep what was delivered. Nothing is guessed: a text that is
no moment stays as it is, and the judge sees it (rule PA-006).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from onestop.clock import STAMP, from_stamp, to_stamp
from onestop.specs import load_spec

SPEC = "feedback_case"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d)(?P<colon>:?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s?(?P<offset>[Zz]|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?)?",
    re.ASCII,
)
_FLAGS = {"true": "1", "false": "0"}


def normalise(record: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """A copy of a delivered case with its moments as 14 digits of local time.

    Normalising twice is normalising once. ThuocThamQuyen becomes "1", "0" or null; LoaiNoiDung a text, as delivered.
    """
    result = dict(record)
    for item in load_spec(SPEC).fields:
        if item.kind == "date" and isinstance(value := result.get(item.field), str):
            result[item.field] = local_stamp(value, zone) or value
    if isinstance(flag := result.get("ThuocThamQuyen"), bool | str):
        result["ThuocThamQuyen"] = _FLAGS.get(str(flag).strip().lower(), flag)
    if (content := result.get("LoaiNoiDung")) is not None and not isinstance(content, str):
        result["LoaiNoiDung"] = str(content)  # true is no 1
    return result


def local_stamp(text: str, zone: ZoneInfo) -> str | None:
    """An ISO 8601 time as yyyyMMddHHmmss in local time, fractions of a second dropped; None if it is none.

    With an offset (Z, +07:00, +0700, +07) it is brought into the zone; without one it is local already. A date alone
    is that day's beginning. 14 digits stay as they are.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        return text.strip() if re.fullmatch(r"\d{14}", text.strip(), re.ASCII) else None
    part = {name: int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")}
    try:
        moment = datetime(**part)  # type: ignore[arg-type]  # noqa: DTZ001  (the wall clock's, if there is no offset)
        if not found["offset"]:
            return moment.strftime(STAMP).zfill(14)
        return to_stamp(moment.replace(tzinfo=_offset(found)), zone)
    except (ValueError, OverflowError):
        return None


def _offset(found: re.Match[str]) -> timezone:
    """Raises ValueError for an offset of a day or more."""
    if not found["sign"]:
        return UTC
    if int(found["minutes"] or 0) > 59:
        raise ValueError("no offset")
    span = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return timezone(-span if found["sign"] == "-" else span)


def changed_since(stamp: str, zone: ZoneInfo) -> str:
    """14 digits of local time as the parameter changed_since: UTC, never before 1970-01-01T00:00:00Z.

    Raises:
        ValueError: the stamp is none.
    """
    return max(from_stamp(stamp, zone).astimezone(UTC), BEGINNING).strftime("%Y-%m-%dT%H:%M:%SZ")
