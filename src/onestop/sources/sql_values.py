"""Values of a database as the API writes them: text, 14 digits of local time, plain numbers, lists."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from onestop.sources.sql_database import read_json


class Values:
    """Brings values that are not null into the API's formats.

    Args:
        zone: local time of the province, for moments with an offset.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def plain(self, value: Any) -> Any:
        """A scalar as text; lists and objects of JSON columns stay what they are.

        Raises:
            UnicodeDecodeError: bytes that are not UTF-8.
        """
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, datetime):
            return self._digits(value)
        if isinstance(value, date):
            return f"{value.year:04}{value.month:02}{value.day:02}000000"
        if isinstance(value, float):
            value = Decimal(repr(value))
        if isinstance(value, Decimal):
            text = format(value, "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("utf-8")
        if isinstance(value, list | dict):
            return value
        return str(value)

    def utc(self, value: Any) -> Any:
        """As `plain`, for times without an offset that are UTC."""
        return self._digits(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else self.plain(value)

    def as_list(self, value: Any) -> Any:
        """A list, native or read from JSON text; anything else stays for the rules to judge."""
        value = self.plain(value)
        if not isinstance(value, str):
            return value
        read = read_json(value)
        return read if read is None or isinstance(read, list | dict) else value

    def _digits(self, moment: datetime) -> str:
        if moment.tzinfo is not None:
            with suppress(OverflowError):  # at the ends of the calendar an hour makes no difference
                moment = moment.astimezone(self._zone)
        return f"{moment.year:04}{moment.month:02}{moment.day:02}{moment.hour:02}{moment.minute:02}{moment.second:02}"
