"""Checks published tables against what their own figures must obey: the form's identities, rates, ratios, 766 scores.

Nothing is looked up: a row is judged by its own figures alone, and what is not published (absent or null) is unknown.
Where parts of a sum are unknown, the known ones must still leave room for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from onestop.errors import ConfigurationError
from onestop.reporting.published_scores import Reason, count_problem, score_reasons, tolerance

# total = sum of parts; numbers as printed on form II.06a where the form has them.
IDENTITIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("3 = 4 + 5 + 6", "received_total", ("received_online", "received_direct_postal", "received_carried_over")),
    ("7 = 8 + 9 + 10", "resolved_total", ("resolved_early", "resolved_on_time", "resolved_overdue")),
    ("8 + 9", "resolved_early_or_on_time", ("resolved_early", "resolved_on_time")),
    ("7 = (8 + 9) + 10", "resolved_total", ("resolved_early_or_on_time", "resolved_overdue")),
    ("11 = 12 + 13", "in_progress_total", ("in_progress_within", "in_progress_overdue")),
    ("3 = 7 + 11", "received_total", ("resolved_total", "in_progress_total")),
    *(
        (f"feedback {total}", f"feedback_{total}", tuple(f"feedback_{part}" for part in parts))
        for total, parts in (
            ("received_total", ("received_new", "received_carried_over")),
            ("handled_total", ("handled_on_time", "handled_overdue")),
            ("in_progress_total", ("in_progress_within", "in_progress_overdue")),
            ("received_total", ("handled_total", "in_progress_total")),
        )
    ),
)
# The first is a part of the sum of the others.
SUBSETS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("suspended_total", ("in_progress_within",)),
    ("apologies", ("resolved_overdue", "in_progress_overdue")),
)
# rate = sum of the first / sum of the second; published as <rate> (0 to 1) or <rate>_percent.
RATES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "on_time_rate": (("resolved_early_or_on_time",), ("resolved_total",)),
    "early_rate": (("resolved_early",), ("resolved_total",)),
    "overdue_rate": (("resolved_overdue",), ("resolved_total",)),
    "progress_rate": (("resolved_early_or_on_time", "in_progress_within"), ("received_total",)),
    "online_submission_rate": (("received_online",), ("received_online", "received_direct_postal")),
}
_LEVELS = ("level_1", "level_2", "level_3", "level_4")
_COUNTS = frozenset(
    [name for _, total, parts in IDENTITIES for name in (total, *parts)]
    + [name for subset, whole in SUBSETS for name in (subset, *whole)]
    + list(_LEVELS)
)


@dataclass(frozen=True)
class Inconsistent:
    """A row whose figures contradict each other."""

    row: str
    scope: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Checked:
    """What a file holds: how many rows were looked at, and those that contradict themselves."""

    rows: int
    inconsistent: tuple[Inconsistent, ...]


def check_file(path: Path) -> Checked:
    """Check a JSON file of rows by name (names that begin with _ are notes).

    Raises:
        ConfigurationError: the file cannot be read, is no such JSON, or holds no row.
    """
    try:
        content = json.loads(
            path.read_text(encoding="utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_doubles,
        )
    except OSError as problem:
        raise ConfigurationError(
            f"{path} cannot be read: {problem.strerror or problem}", next_step="name a JSON file of published rows"
        ) from None
    except (ValueError, RecursionError) as problem:
        raise ConfigurationError(f"{path} is no JSON: {problem}", next_step="mend the place it names") from None
    is_one_row = isinstance(content, Mapping) and bool(_COUNTS & content.keys())
    rows = [(path.stem, content)] if is_one_row else list(_rows(content, ""))
    if not rows:
        raise ConfigurationError(
            f"{path} holds no rows", next_step="write an object of rows by name, each an object of figures"
        )
    return check_rows(rows)


def check_rows(rows: list[tuple[str, Mapping[str, Any]]]) -> Checked:
    """Check rows by name."""
    found = ((name, row, tuple(_reasons(row))) for name, row in rows)
    return Checked(
        len(rows),
        tuple(Inconsistent(name, str(row.get("scope", "")), reasons) for name, row, reasons in found if reasons),
    )


def _rows(content: Any, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows of a document: an object of rows by name, or a list of them, one in the other where it is so."""
    if isinstance(content, list):
        for number, entry in enumerate(content, 1):
            yield from _rows(entry, f"{name}[{number}]" if name else f"row {number}")
    elif isinstance(content, Mapping):
        if name and any(_is_figure(key, value) for key, value in content.items()):
            yield name, content
            content = {k: v for k, v in content.items() if k.isidentifier() and _holds_counts(v)}
        for key, value in content.items():
            if not key.startswith("_"):
                yield from _rows(value, f"{name}.{key}" if name else key)


def _is_figure(key: str, value: Any) -> bool:
    """An entry that only a row has: a figure, a text, a ratio, a score."""
    if isinstance(value, Mapping):
        return "score" in value
    return key in _COUNTS or not isinstance(value, list) or (bool(value) and not isinstance(value[0], Mapping | list))


def _holds_counts(value: Any) -> bool:
    """A table in a table: by level of administration, for example."""
    if isinstance(value, list):
        return any(_holds_counts(entry) for entry in value)
    return isinstance(value, Mapping) and (
        bool(_COUNTS & value.keys()) or any(_holds_counts(v) for v in value.values() if isinstance(v, Mapping))
    )


def _reasons(row: Mapping[str, Any]) -> Iterator[Reason]:
    wrong = [Reason(name, text) for name in row.keys() & _COUNTS if (text := count_problem(name, row[name]))]
    yield from sorted(wrong, key=lambda reason: reason.rule)
    bad = {reason.rule for reason in wrong}
    counts = {name: int(row[name]) for name in row.keys() & _COUNTS - bad if row[name] is not None}
    contradictions = [reason for identity in IDENTITIES for reason in _identity(*identity, counts)]
    if not contradictions:
        contradictions = _derived(counts)
    yield from contradictions
    yield from _subsets(row, counts)
    yield from _ratios(row)
    yield from _rates(row, counts)
    yield from score_reasons(row)


def _identity(rule: str, total: str, parts: tuple[str, ...], counts: Mapping[str, int]) -> Iterator[Reason]:
    known = [part for part in parts if part in counts]
    if total not in counts or not known:
        return
    added = sum(counts[part] for part in known)
    difference = counts[total] - added
    if difference < 0 or (difference and len(known) == len(parts)):
        sign = "!=" if len(known) == len(parts) else "<"
        sums = " + ".join(f"{part} {counts[part]:,}" for part in known)
        shown = f"{sums} = {added:,}" if len(known) > 1 else sums
        yield Reason(rule, f"{total} {counts[total]:,} {sign} {shown} (difference {difference:+,})", difference)


def _derived(counts: Mapping[str, int]) -> list[Reason]:
    """Contradictions between figures that no single identity brings together: what the others leave for one figure."""
    bounds = {name: (Decimal(n), Decimal(n)) for name, n in counts.items()}
    for _ in range(2 * len(IDENTITIES)):
        before = dict(bounds)
        for rule, total, parts in IDENTITIES:
            room = {name: bounds.get(name, (Decimal(0), Decimal("Infinity"))) for name in (total, *parts)}
            limits = [(total, _sum(room[p][0] for p in parts), _sum(room[p][1] for p in parts))]
            for part in parts:
                others = [p for p in parts if p != part]
                taken = _sum(room[p][1] for p in others)
                least = room[total][0] - taken if taken.is_finite() else Decimal(0)
                limits.append((part, least, room[total][1] - _sum(room[p][0] for p in others)))
            for name, least, greatest in limits:
                old_low, old_high = bounds.get(name, (Decimal(0), Decimal("Infinity")))
                new_low, new_high = max(old_low, least), min(old_high, greatest)
                if new_low > new_high:
                    difference = int(new_low - new_high)
                    text = f"{name} would have to be at least {new_low:,} and at most {new_high:,} (difference {difference:,})"
                    return [Reason(rule, text, difference)]
                bounds[name] = (new_low, new_high)
        if bounds == before:
            break
    return []


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0))


def _subsets(row: Mapping[str, Any], counts: Mapping[str, int]) -> Iterator[Reason]:
    for subset, whole in SUBSETS:
        if subset in counts and all(name in counts for name in whole):
            room = sum(counts[name] for name in whole)
            if counts[subset] > room:
                yield Reason(
                    f"{subset} is a part of {' + '.join(whole)}",
                    f"{subset} {counts[subset]:,} > {room:,} (difference {counts[subset] - room:,})",
                    counts[subset] - room,
                )
    levels = sum(counts.get(level, 0) for level in _LEVELS)
    procedures: Any = row.get("procedures_public")
    known = isinstance(procedures, list) and len(procedures) == 2 and isinstance(procedures[1], int)
    if known and levels > procedures[1]:
        yield Reason(
            "levels are parts of the procedures",
            f"level_1 to level_4 together {levels:,} > {procedures[1]:,} (difference {levels - procedures[1]:,})",
            levels - procedures[1],
        )


def _ratios(row: Mapping[str, Any]) -> Iterator[Reason]:
    """[numerator, denominator]: the first is a part of the second; a percentage beside them is theirs."""
    for name, value in row.items():
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, int | Decimal) for v in value):
            continue
        if problem := next(filter(None, (count_problem(name, v) for v in value)), None):
            yield Reason(name, problem)
        elif value[0] > value[1]:
            yield Reason(
                name, f"{name}: {value[0]:,} of {value[1]:,} (difference {value[0] - value[1]:,})", value[0] - value[1]
            )
        elif value[1]:
            for rate in (name, f"{name}_rate"):
                yield from _rate(row, rate, Decimal(value[0]) / Decimal(value[1]))


def _rates(row: Mapping[str, Any], counts: Mapping[str, int]) -> Iterator[Reason]:
    """Percentages lie between 0 and 100, rates between 0 and 1; those of the form's columns are recomputed."""
    for name, value in row.items():
        most = 100 if name.endswith("_percent") else 1 if name.endswith("_rate") else None
        if most is None or value is None or isinstance(value, list | Mapping):
            continue
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            yield Reason(name, f"{name} is {value!r}, not a number")
        elif not 0 <= value <= most:
            yield Reason(name, f"{name} is {value}, not between 0 and {most}")
    figures = dict(counts)
    early, on_time = figures.get("resolved_early"), figures.get("resolved_on_time")
    if early is not None and on_time is not None:
        figures.setdefault("resolved_early_or_on_time", early + on_time)
    for name, (numerator, denominator) in RATES.items():
        if all(part in figures for part in (*numerator, *denominator)):
            whole = sum(figures[part] for part in denominator)
            if whole:
                yield from _rate(row, name, Decimal(sum(figures[part] for part in numerator)) / whole)


def _rate(row: Mapping[str, Any], name: str, computed: Decimal) -> Iterator[Reason]:
    for key, factor in ((name, 1), (f"{name}_percent", 100)):
        value = row.get(key)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            difference = Decimal(value) - computed * factor
            if abs(difference) > tolerance(value):
                shown = round(computed * factor, 4)
                yield Reason(key, f"{key} {value} != {shown} (difference {round(difference, 4):+})", float(difference))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"the name {', '.join(doubled)} is there more than once")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no figure")
