"""Sentences of the page: how the period compares with others, and what a running one is likely to become."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from onestop.reporting.model import PeriodCounts, ReportFigures
from onestop.reporting.numbers_vi import NO_BREAK_SPACE, share
from onestop.reporting.strings import Words
from onestop.reporting.wording import period_title


def _others(figures: ReportFigures) -> Sequence[PeriodCounts]:
    return [other for other in (figures.previous, figures.year_before) if other is not None]


def changes_of(figures: ReportFigures, words: Words, column: str) -> tuple[str, ...]:
    """How a column of the province changed against each other period."""
    said = []
    for other in _others(figures):
        now, then = getattr(figures.province, column), getattr(other.counts, column)
        by = words.percent(abs(now - then), then, 1) if then else words.integer(abs(now - then))
        said.append(_said(now - then, by, other, words))
    return tuple(said)


def changes_of_rate(figures: ReportFigures, words: Words) -> tuple[str, ...]:
    """How the on-time rate changed against each other period, in percentage points."""
    now, said = figures.province, []
    for other in _others(figures):
        if now.resolved_total and other.counts.resolved_total:
            change = share(now.resolved_in_time, now.resolved_total) - share(
                other.counts.resolved_in_time, other.counts.resolved_total
            )
            by = words("points", by=words.decimal(float(abs(change)), 2))
            said.append(_said(change, by, other, words))
    return tuple(said)


def _said(change: Decimal | int, by: str, other: PeriodCounts, words: Words) -> str:
    direction = "same" if not change else "up" if change > 0 else "down"
    against = words("against_printed" if other.is_printed else "against", period=_unbroken(_title(other, words)))
    return f"{words(direction, by=by)} {against}"


def expected(figures: ReportFigures, words: Words) -> list[str]:
    """What a running period's numbers are likely to become, a sentence each."""
    return [
        words(
            "expected",
            what=words(f"expected_{one.measure}"),
            estimate=words.integer(one.estimate),
            low=words.integer(one.lowest),
            high=words.integer(one.highest),
            known=words.integer(one.known),
            missing=words.decimal(Decimal(str(round(100 * one.missing_share, 1)))),
            coverage=words.decimal(Decimal(str(round(100 * one.coverage)))),
            trials=words.integer(one.trials),
        )
        for one in figures.expected
    ]


def carried(figures: ReportFigures, words: Words) -> str:
    """Column 6 beside column 11 of what was published of the period before; empty where nothing was."""
    if figures.previous_published is None:
        return ""
    now, then = figures.province.received_carried_over, figures.previous_published.counts.in_progress_total
    return words(
        "note_carried_same" if now == then else "note_carried",
        period=_title(figures.previous_published, words),
        now=words.integer(now),
        then=words.integer(then),
        by=("+" if now > then else "−") + words.integer(abs(now - then)),
    )


def _title(other: PeriodCounts, words: Words) -> str:
    return period_title(other.period, words.language)


def _unbroken(text: str) -> str:
    return text.replace(" ", NO_BREAK_SPACE)
