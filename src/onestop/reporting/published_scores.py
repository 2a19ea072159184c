"""Published Decision 766 scores, recomputed from the ratios beside them; what the other checks of figures share.

The formulas are those of docs/metrics.md (Decision 766). A score is published with two decimals: it agrees where the
recomputed one may round to it. A published ratio is itself rounded, so it stands for a small interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_HALF = Decimal("0.005")  # of the last of two decimals
_Interval = tuple[Decimal, Decimal]


@dataclass(frozen=True)
class Reason:
    """Why a row is inconsistent: the rule that is broken, in words with the numbers, and by how much."""

    rule: str
    text: str
    difference: float | None = None


@dataclass(frozen=True)
class _Part:
    """One part of a score: its maximum, its points for a ratio, and for a denominator of 0."""

    most: int
    points: Callable[[Decimal], Decimal]
    without: int | None = None


def _share(most: int, full_at: str = "1", without: int | None = None) -> _Part:
    return _Part(most, lambda ratio: min(Decimal(most), most * ratio / Decimal(full_at)), without)


PARTS: dict[str, _Part] = {
    "progress": _share(20),
    "dossier_satisfaction": _share(6, "0.9", without=0),
    "feedback_on_time": _share(6, without=6),
    "feedback_satisfaction": _share(6, without=6),
    "electronic_result": _share(6),
    "digitised_intake": _share(4),
    "data_reuse": _share(2, "0.8"),
    "publication_on_time": _share(6),
    "content": _share(2),
    "portal_sync": _share(6),
}
GROUPS: dict[str, tuple[str, ...]] = {
    "satisfaction": ("dossier_satisfaction", "feedback_on_time", "feedback_satisfaction"),
    "digitisation": ("electronic_result", "digitised_intake", "data_reuse"),
    "transparency": ("publication_on_time", "content", "portal_sync"),
}
_PAYMENT = 10


def score_reasons(row: Mapping[str, Any]) -> Iterator[Reason]:
    """What contradicts itself among a row's scores: parts by name, each an object with `score` and its ratio."""
    for name, content in row.items():
        if not isinstance(content, Mapping):
            continue
        ratio, problems = _ratio(name, content)
        yield from problems
        score = content.get("score")
        if name == "payment":
            yield from _payment(content, score)
        elif name in PARTS and score is not None and not problems:
            points = _points(PARTS[name], ratio)
            yield from _compare(name, score, points, PARTS[name].most)
    for group, parts in GROUPS.items():
        whole = row.get(group)
        published = [row[part].get("score") for part in parts if isinstance(row.get(part), Mapping)]
        scores = [Decimal(score) for score in published if _is_number(score)]
        if isinstance(whole, Mapping) and len(scores) == len(parts) and _is_number(whole.get("score")):
            total, spread = sum(scores, Decimal(0)), _HALF * len(parts)
            yield from _compare(group, whole["score"], (total - spread, total + spread), None)


def count_problem(name: str, value: Any) -> str | None:
    """Why a value is no count; None where it is one, or is not published."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return None
    if isinstance(value, Decimal) and value == value.to_integral_value() and value >= 0:
        return None
    return f"{name} is {_shown(value)}, not a whole number from 0 on"


def tolerance(value: int | Decimal) -> Decimal:
    """Half of the last decimal that is published."""
    exponent = Decimal(value).as_tuple().exponent
    return Decimal(5).scaleb(min(int(exponent), 0) - 1)


def _ratio(name: str, content: Mapping[str, Any]) -> tuple[_Interval | None, list[Reason]]:
    """The interval that a part's ratio lies in; None where there is nothing to divide by, or nothing is said."""
    for above, below in (("numerator", "denominator"), ("on_time", "received")):
        if content.get(above) is not None and content.get(below) is not None:
            return _divided(f"{name}.{above}", content[above], content[below])
    ratio = content.get("ratio")
    if ratio is None:
        return None, []
    if not _is_number(ratio) or not 0 <= ratio <= 1:
        return None, [Reason(name, f"{name}.ratio is {_shown(ratio)}, not between 0 and 1")]
    return (max(ratio - tolerance(ratio), Decimal(0)), min(ratio + tolerance(ratio), Decimal(1))), []


def _divided(name: str, numerator: Any, denominator: Any) -> tuple[_Interval | None, list[Reason]]:
    for value in (numerator, denominator):
        if problem := count_problem(name, value):
            return None, [Reason(name, problem)]
    if numerator > denominator:
        difference = int(numerator - denominator)
        text = f"{name}: {numerator:,} of {denominator:,} (difference {difference:,})"
        return None, [Reason(name, text, difference)]
    if not denominator:
        return None, []
    exact = Decimal(numerator) / Decimal(denominator)
    return (exact, exact), []


def _points(part: _Part, ratio: _Interval | None) -> _Interval | None:
    if ratio is None:
        return None if part.without is None else (Decimal(part.without), Decimal(part.without))
    return part.points(ratio[0]), part.points(ratio[1])


def _payment(content: Mapping[str, Any], score: Any) -> Iterator[Reason]:
    """10 = 6 A + min(2, 2.5 B) + min(2, 2.5 C): symmetric in B and C, so that it does not matter which is which."""
    both = content.get("B_and_C") or [content.get("B"), content.get("C")]
    ratios = []
    for name, pair in zip("ABC", (content.get("A"), *both), strict=False):
        if not isinstance(pair, list) or len(pair) != 2 or None in pair:
            return
        ratio, problems = _divided(f"payment.{name}", *pair)
        yield from problems
        if ratio is None:
            return
        ratios.append(ratio[0])
    if len(ratios) == 3 and score is not None:
        a, b, c = ratios
        points = 6 * a + min(Decimal(2), b * 5 / 2) + min(Decimal(2), c * 5 / 2)
        yield from _compare("payment", score, (points, points), _PAYMENT)


def _compare(name: str, score: Any, points: _Interval | None, most: int | None) -> Iterator[Reason]:
    if not _is_number(score):
        yield Reason(name, f"{name}.score is {_shown(score)}, not a number")
    elif most is not None and not 0 <= score <= most:
        yield Reason(name, f"{name}.score is {score}, not between 0 and {most}")
    elif points is not None and not points[0] - _HALF <= score <= points[1] + _HALF:
        nearest = points[0] if score < points[0] else points[1]
        difference = Decimal(score) - nearest
        yield Reason(
            name,
            f"{name}.score {score} != {round(nearest, 4)} (difference {round(difference, 4):+})",
            float(difference),
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
