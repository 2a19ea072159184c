"""What cannot be done while something is wrong, in words: which report waits for it, since when a source is silent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.periods import Period, containing, last_complete_quarter
from onestop.reporting.wording import period_title

DUE_AFTER_CLOSE = timedelta(days=30)
_OF_SOURCE = frozenset(("source_unavailable", "window_closed", "data_refused", "source_silent", "run_missing"))
_FIXED = {
    "warehouse_unavailable": ("nothing is loaded and nothing is built; published figures stay as they are", ""),
    "configuration": ("the step cannot run until it is set right", ""),
    "disk_low": ("loads and builds roll back once the disk is full", ""),
    "backup_failed": ("what is loaded since the last proved backup would be lost with the disk", ""),
    "delivery_failed": ("the recipients named do not have what was published, or were not asked", ""),
    "unit_silent": (
        "the units' figures are too low until their records arrive",
        "số liệu của các đơn vị này sẽ thiếu cho đến khi nhận được hồ sơ",
    ),
    "coverage_gap": (
        "reconciliation with the portal has no data for these days",
        "chưa đối chiếu được với Cổng Dịch vụ công quốc gia cho các ngày còn thiếu",
    ),
    "quarantine_waiting": (
        "these records count in no figure until they are corrected",
        "các bản ghi này chưa được tính vào báo cáo cho đến khi được sửa",
    ),
}


def awaited_period(settings: Settings, at: datetime) -> Period:
    """The statutory quarter that offices work on: the last complete one until its report is due, then the running one."""
    today = at.astimezone(settings.zone).date()
    closed = last_complete_quarter(today)
    if today - closed.last <= DUE_AFTER_CLOSE:
        return closed
    running = containing(today, "quarter", "statutory")
    assert running is not None  # noqa: S101  (only nine months can be None)
    return running


def impact(
    connection: psycopg.Connection[Any] | None, settings: Settings, kind: str, subject: str, at: datetime
) -> tuple[str, str]:
    """English and Vietnamese; empty where there is nothing to say."""
    if kind in _FIXED:
        return _FIXED[kind]
    if connection is None:
        return "", ""
    period = awaited_period(settings, at)
    named_en, named_vi = f"{period.convention} {period.name}", period_title(period)
    if kind in _OF_SOURCE and any(source.id == subject for source in settings.sources):
        since = _newest(
            connection,
            "select max(finished_at) from ops.load_batch where source_id = %s and reached_end"
            " and state in ('loaded', 'duplicate')",
            subject,
        )
        if since is None:
            return (
                f"{named_en} cannot be drafted in full: nothing of {subject} was ever loaded",
                f"chưa thể lập đủ báo cáo {named_vi}: chưa nhận được dữ liệu nào của nguồn {subject}",
            )
        local = since.astimezone(settings.zone)
        return (
            f"{named_en} cannot be drafted in full: {subject} silent since {local:%Y-%m-%d %H:%M}",
            f"chưa thể lập đủ báo cáo {named_vi}: nguồn {subject} không có dữ liệu từ {local:%H:%M ngày %d/%m/%Y}",
        )
    built = _newest(connection, "select max(known_at) from ops.build where 'reports' = any(layers)")
    if built is None:
        return f"{named_en} cannot be drafted: nothing was built yet", ""
    return f"figures stand as they were known at {built.astimezone(settings.zone):%Y-%m-%d %H:%M}", ""


def _newest(connection: psycopg.Connection[Any], query: str, *values: object) -> datetime | None:
    row = connection.execute(query.encode(), values or None).fetchone()
    return row[0] if row else None
