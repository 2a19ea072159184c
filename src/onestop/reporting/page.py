"""One self-contained HTML page of a period's figures: no script, font, image or style from elsewhere.

The page's parts are prepared here as plain values; `templates/report.html.j2` lays them out (autoescape on), `charts`
draws. Readable without JavaScript, which adds sorting, a filter, rankings and a view of each unit and field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from onestop.reporting import charts, consequence, form_doubts, public
from onestop.reporting.measures import SMALL
from onestop.reporting.model import COLUMNS, LEVELS, Counts, Level, ReportFigures, UnitRow
from onestop.reporting.numbers_vi import share
from onestop.reporting.page_measures import form_tables, of_province, script_data
from onestop.reporting.page_sentences import carried, changes_of, changes_of_rate, expected
from onestop.reporting.strings import Words
from onestop.reporting.wording import Language, period_title, province_title

LEAST_RESOLVED = SMALL
RANKED = 5

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("report.js", "explore.js")


def write_page(figures: ReportFigures, language: Language = "vi") -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = Words(language)
    is_whole = figures.province_code not in figures.hidden
    return environment.get_template("report.html.j2").render(
        t=words,
        f=figures,
        period=period_title(figures.period, language),
        province=province_title(figures.province_name, language),
        cards=_cards(figures, words) if is_whole else [],
        flows=_flows(figures, words) if is_whole else [],
        is_whole=is_whole,
        number=partial(_number, words),
        numbers=partial(public.numbers, figures),
        has_rate=partial(public.has_rate, figures),
        panels=_panels(figures, words),
        days=_days(figures, words),
        trend=_trend(figures, words),
        measures=of_province(figures, words),
        forms=form_tables(figures, words),
        data=script_data(figures, words),
        carried=carried(figures, words),
        expected=expected(figures, words),
        levels=LEVELS,
        least=LEAST_RESOLVED,
        doubt=partial(consequence.said, figures, words),
        row_doubt=form_doubts.sayer(figures, words),
        total_doubt={column: consequence.said(figures, words, column) for column in COLUMNS},
        css=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704  (the project's own file)
        js=Markup("\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)),  # noqa: S704  (the same)
    )


def _number(words: Words, value: int | None) -> str:
    return public.MARK if value is None else words.integer(value)


@dataclass(frozen=True, slots=True)
class Card:
    """One headline figure: its value and note as text, and the comparisons in words."""

    key: str
    label: str
    value: str
    note: str
    changes: tuple[str, ...]
    doubt: str = ""


def _cards(figures: ReportFigures, words: Words) -> list[Card]:
    now, number = figures.province, words.integer
    changes, doubt = partial(changes_of, figures, words), partial(consequence.said, figures, words)
    overdue_note = (
        words("overdue_note", share=words.percent(now.resolved_overdue, now.resolved_total))
        if now.resolved_total
        else words("overdue_note_none")
    )
    return [
        Card(
            "rate",
            words("on_time_rate"),
            words.percent(now.resolved_in_time, now.resolved_total),
            words("on_time_note"),
            changes_of_rate(figures, words),
            doubt("on_time_rate"),
        ),
        Card(
            "received",
            words("received"),
            number(now.received_total),
            words("received_note", new=number(now.received_new), carried=number(now.received_carried_over)),
            changes("received_total"),
            doubt("received_total"),
        ),
        Card(
            "resolved",
            words("resolved"),
            number(now.resolved_total),
            words("resolved_note", early=number(now.resolved_early), on_time=number(now.resolved_on_time)),
            changes("resolved_total"),
            doubt("resolved_total"),
        ),
        Card(
            "overdue",
            words("overdue"),
            number(now.resolved_overdue),
            overdue_note,
            changes("resolved_overdue"),
            doubt("resolved_overdue"),
        ),
        Card(
            "open",
            words("in_progress"),
            number(now.in_progress_total),
            words("in_progress_note", within=number(now.in_progress_within), overdue=number(now.in_progress_overdue)),
            changes("in_progress_total"),
            doubt("in_progress_total"),
        ),
    ]


@dataclass(frozen=True, slots=True)
class Flow:
    """A stacked bar and the segments of its legend."""

    label: str
    segments: tuple[charts.Segment, ...]
    chart: Markup


def _flows(figures: ReportFigures, words: Words) -> list[Flow]:
    now = figures.province

    def flow(label: str, *parts: tuple[str, str, int]) -> Flow:
        segments = tuple(
            charts.Segment(
                style,
                words(key),
                value,
                words.integer(value),
                words.percent(value, now.received_total, 2 if value else 0),
            )
            for style, key, value in parts
        )
        return Flow(words(label), segments, charts.stacked_bar(segments, words(label)))

    return [
        flow(
            "intake_label",
            ("online", "online", now.received_online),
            ("direct", "direct", now.received_direct_postal),
            ("carried", "carried", now.received_carried_over),
        ),
        flow(
            "outcome_label",
            ("early", "early", now.resolved_early),
            ("ontime", "on_time", now.resolved_on_time),
            ("late", "late", now.resolved_overdue),
            ("open", "open_within", now.in_progress_within),
            ("openlate", "open_late", now.in_progress_overdue),
        ),
    ]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit in a ranking, with its dot."""

    name: str
    parent: str
    rate: str
    resolved: str
    chart: Markup


@dataclass(frozen=True, slots=True)
class Panel:
    """A level's rankings: (heading, rows), best first."""

    heading: str
    axis: str
    rankings: tuple[tuple[str, tuple[Ranked, ...]], ...]


def _panels(figures: ReportFigures, words: Words) -> list[Panel]:
    """Per level the best and the worst units; all of them when there are few. One scale for all panels."""
    chosen: dict[Level, tuple[int, list[tuple[str, list[UnitRow]]]]] = {}
    for level in LEVELS:
        units = [u for u in figures.units if u.level == level and u.counts.resolved_total >= LEAST_RESOLVED]
        units = [
            u for u in units if public.has_rate(figures, figures.province_code) and public.has_rate(figures, u.code)
        ]
        # Of equal rates the one over more dossiers weighs more: it is the better best, and the worse worst.
        units.sort(key=lambda u: (-_exact(u.counts), -u.counts.resolved_total, u.code))
        if len(units) <= 2 * RANKED:
            groups = [("all_units", units)]
        else:
            worst = sorted(units, key=lambda u: (_exact(u.counts), -u.counts.resolved_total, u.code))[:RANKED]
            groups = [("highest", units[:RANKED]), ("lowest", worst[::-1])]
        if units:
            chosen[level] = (len(units), groups)
    rates = [_rate(u.counts) for _, groups in chosen.values() for _, rows in groups for u in rows]
    low = charts.scale_start(rates)
    reference = _rate(figures.province) if figures.province.resolved_total else None
    axis = words("axis", low=words.percent(low, 100, 0), high=words.percent(1, 1, 0))

    def ranked(unit: UnitRow, style: str) -> Ranked:
        c = unit.counts
        return Ranked(
            unit.name,
            unit.parent_name,
            words.percent(c.resolved_in_time, c.resolved_total),
            words("of_resolved", n=words.integer(c.resolved_total)),
            charts.dot(_rate(c), low, reference, style),
        )

    return [
        Panel(
            words("units_of", level=words(f"level_{level}"), eligible=words.integer(eligible)),
            axis,
            tuple(
                (words(key), tuple(ranked(u, "dot-low" if key == "lowest" else "dot-high") for u in rows))
                for key, rows in groups
            ),
        )
        for level, (eligible, groups) in chosen.items()
    ]


def _exact(counts: Counts) -> float:
    return counts.resolved_in_time / counts.resolved_total


def _rate(counts: Counts) -> Decimal:
    return share(counts.resolved_in_time, counts.resolved_total)


def _days(figures: ReportFigures, words: Words) -> Mapping[str, object] | None:
    """The distribution of days to resolve as rows, and the sentence about it; None when nothing was resolved."""
    durations = figures.durations
    if not durations.count:
        return None
    parts = [(first, last, durations.between(first, last)) for first, last in charts.DAY_RANGES]
    largest = max(n for _, _, n in parts)

    def label(first: int, last: int | None) -> str:
        if last is None:
            return words("days_more", first=first - 1)
        if last == first:
            return words("same_day") if not first else words("one_day") if first == 1 else words("n_days", n=first)
        return words("days_range", first=first, last=last)

    return {
        "intro": words(
            "days_intro_bands" if figures.least > 1 else "days_intro",
            n=words.integer(durations.count),
            median=words.decimal(durations.percentile(0.5)),
            p90=words.decimal(durations.percentile(0.9)),
            mean=words.decimal(durations.mean),
        ),
        "rows": [
            (label(first, last), words.integer(n), words.percent(n, durations.count, 1), charts.bar(n, largest))
            for first, last, n in parts
        ],
    }


def _trend(figures: ReportFigures, words: Words) -> Mapping[str, object] | None:
    """The months' chart and its numbers; None with fewer than two months."""
    if len(figures.months) < 2:
        return None
    months = [
        charts.Month(
            label=period_title(m.period, words.language),
            tick=str(m.period.start_month),
            year=str(m.period.year) if not index or m.period.start_month == 1 else "",
            received=m.counts.received_new,
            resolved=m.counts.resolved_total,
            received_text=words.integer(m.counts.received_new),
            resolved_text=words.integer(m.counts.resolved_total),
        )
        for index, m in enumerate(figures.months)
    ]
    names = (words("received_new"), words("resolved"))
    return {"chart": charts.columns(months, words("trend_heading"), names, words.integer), "names": names}
