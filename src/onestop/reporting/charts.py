"""The web page's charts as inline SVG. Pure.

Horizontal places are percentages and text is left to HTML where it can be, so that a chart fits a phone and a sheet of
paper alike without shrinking its letters. Colours are CSS classes of the page, which knows light, dark and print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import floor, log10

from markupsafe import Markup

# Of a bar's width: thinner pieces carry no number inside (the legend has it) but always stay visible.
LABEL_SHARE = 22.0
LEAST_SHARE = 0.4
DAY_RANGES: tuple[tuple[int, int | None], ...] = (
    (0, 0),
    (1, 1),
    (2, 2),
    (3, 5),
    (6, 10),
    (11, 20),
    (21, 30),
    (31, None),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a stacked bar: its CSS class, name, number, and the number and share as text."""

    style: str
    label: str
    value: int
    number: str
    share: str


def stacked_bar(segments: Sequence[Segment], title: str) -> Markup:
    """One bar of the whole width, split in proportion; pieces of 0 are left out."""
    whole = sum(s.value for s in segments)
    alternative = f"{title}: " + "; ".join(f"{s.label} {s.number} ({s.share})" for s in segments)
    parts = [_open("stack", 44, alternative)]
    if not whole:
        parts.append(Markup('<rect class="track" x="0" y="0" width="100%" height="44"/>'))
    wanted = [max(100 * s.value / whole, LEAST_SHARE) if s.value else 0.0 for s in segments] if whole else []
    at = 0.0
    for segment, width in zip(segments, wanted, strict=False):
        if not width:
            continue
        width *= 100 / sum(wanted)
        parts.append(
            Markup(
                '<rect class="{}" x="{:.3f}%" y="0" width="{:.3f}%" height="44"><title>{}: {} ({})</title></rect>'
            ).format(segment.style, at, width, segment.label, segment.number, segment.share)
        )
        if at:
            parts.append(Markup('<line class="gap" x1="{0:.3f}%" x2="{0:.3f}%" y1="0" y2="44"/>').format(at))
        if width >= LABEL_SHARE:
            parts.append(
                Markup('<text class="on-{}" x="{:.3f}%" dx="10" y="27">{}</text>').format(
                    segment.style, at, segment.share
                )
            )
        at += width
    return _closed(parts)


def bar(value: float, largest: float, style: str = "bar") -> Markup:
    """A plain bar from 0; decoration for a row whose text says the number."""
    width = 100 * value / largest if largest else 0.0
    return Markup(
        '<svg class="rowbar" width="100%" height="16" aria-hidden="true" focusable="false">'
        '<rect class="{}" x="0" y="2" width="{:.3f}%" height="12"/></svg>'
    ).format(style, width)


def dot(percent: Decimal, low: int, reference: Decimal | None, style: str) -> Markup:
    """A dot on a scale from `low` to 100 per cent, with a stroke at the reference; decoration of a row with text."""

    def place(value: Decimal) -> float:
        # The ends leave room for the dot's own radius.
        return 1.5 + 97 * float((value - low) / (100 - low))

    stroke = (
        Markup('<line class="reference" x1="{0:.3f}%" x2="{0:.3f}%" y1="0" y2="18"/>').format(place(reference))
        if reference is not None and reference >= low
        else Markup("")
    )
    return Markup(
        '<svg class="dotrow" width="100%" height="18" aria-hidden="true" focusable="false">'
        '<line class="track" x1="1.5%" x2="98.5%" y1="9" y2="9"/>'
        '{}<circle class="{}" cx="{:.3f}%" cy="9" r="5.5"/></svg>'
    ).format(stroke, style, place(percent))


def scale_start(percents: Iterable[Decimal]) -> int:
    """Where a scale up to 100 begins so that the lowest of these values is on it: a round number below 100."""
    lowest = float(min(percents, default=Decimal(90)))
    step = 10 if lowest < 80 else 5 if lowest < 95 else 1
    return max(0, min(99, int(lowest // step * step)))


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the trend: its name, number and (where shown) year for the axis, two numbers, both as text."""

    label: str
    tick: str
    year: str
    received: int
    resolved: int
    received_text: str
    resolved_text: str


def columns(months: Sequence[Month], title: str, names: tuple[str, str], written: Callable[[int], str]) -> Markup:
    """Two columns a month, from 0; `written` writes the scale's numbers, left of the chart.

    The months' own numbers stand on the columns while there is room for them.
    """
    height, floor_line, top = 262, 218, 26
    largest = max((max(m.received, m.resolved) for m in months), default=0)
    ceiling = _round_up(largest)
    alternative = f"{title}: " + "; ".join(
        f"{m.label}: {names[0]} {m.received_text}, {names[1]} {m.resolved_text}" for m in months
    )
    parts = [_open("columns", height, alternative)]
    for part in range(5):
        y = floor_line - (floor_line - top) * part / 4
        number = written(ceiling * part // 4)
        parts.append(Markup('<text class="scale" x="0" dx="-8" y="{:.1f}">{}</text>').format(y + 4, number))
        parts.append(
            Markup('<line class="{}" x1="0" x2="100%" y1="{:.1f}" y2="{:.1f}"/>').format(
                "axis" if not part else "grid", y, y
            )
        )
    slot = 100 / len(months)
    wide = min(slot * 0.34, 9.0)
    for index, month in enumerate(months):
        middle = slot * (index + 0.5)
        for value, text, style, left in (
            (month.received, month.received_text, "direct", middle - wide - 0.3),
            (month.resolved, month.resolved_text, "early", middle + 0.3),
        ):
            tall = (floor_line - top) * value / ceiling
            parts.append(
                Markup(
                    '<rect class="{}" x="{:.3f}%" y="{:.1f}" width="{:.3f}%" height="{:.1f}"><title>{}</title></rect>'
                ).format(style, left, floor_line - tall, wide, tall, f"{month.label}: {text}")
            )
            if len(months) <= 4:
                parts.append(
                    Markup('<text class="value" x="{:.3f}%" y="{:.1f}">{}</text>').format(
                        left + wide / 2, floor_line - tall - 6, text
                    )
                )
        for line, text in enumerate((month.tick, month.year), 1):
            parts.append(
                Markup('<text class="tick" x="{:.3f}%" y="{}">{}</text>').format(
                    middle, floor_line + 3 + 16 * line, text
                )
            )
    return _closed(parts)


def _round_up(value: int) -> int:
    """The next round number that four equal whole steps divide; at least 4."""
    tenths = (10, 12, 16, 20, 24, 32, 40, 60, 80, 100, 120)
    power: int = 10 ** floor(log10(max(value, 1)))
    choices = (tenth * power // 10 for tenth in tenths)
    return next(choice for choice in choices if choice >= value and choice % 4 == 0)


def _open(style: str, height: int, alternative: str) -> Markup:
    return Markup('<svg class="{}" width="100%" height="{}" role="img" aria-label="{}">').format(
        style, height, alternative
    )


def _closed(parts: Iterable[Markup]) -> Markup:
    return Markup("").join((*parts, Markup("</svg>")))
