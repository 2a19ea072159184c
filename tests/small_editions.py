"""Editions of the small province made by hand, so that no build is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg

from onestop.periods import Period
from onestop.reporting.editions import products, store
from onestop.reporting.model import ReportFigures
from small_province import AGENCIES, small_figures

AT = datetime.fromisoformat("2024-09-25T08:00:00+07:00")


def draft(
    connection: psycopg.Connection[Any], period: Period, version: int, figures: ReportFigures | None = None
) -> None:
    """A draft of the small province, as it would be filled from the models."""
    reason = "đính chính" if version > 1 else None
    edition_id = store.add_draft(
        connection, period, version=version, known_at=AT, is_preliminary=False, at=AT, by="Trần Thị B",
        reason_code="other" if reason else None, reason=reason, code_version="1",
    )  # fmt: skip
    shown = replace(figures or small_figures(), period=period)
    connection.execute(
        "insert into published.report_figures values (%s, %s)", [edition_id, products.as_text(shown, "vi")]
    )
    for number, (code, _, _, parent) in enumerate(AGENCIES):
        chain = [code, *([parent] if parent else [])]
        connection.execute(
            "insert into published.place values (%s, %s, %s, '2020-01-01', '2030-01-01', %s, %s)",
            [edition_id, number, code, chain, chain],
        )
