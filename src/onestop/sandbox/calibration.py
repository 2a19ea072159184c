"""From some published figures of form II.06a to all of them: missing ones are chosen so that the identities hold.

The form's identities make a tree (3 = 4 + 5 + 6, 7 = 8 + 9 + 10, 11 = 12 + 13, 3 = 7 + 11), so the bounds that
they put on an unknown figure are exact once they have been carried back and forth along it.
"""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS = (
    "received_total",
    "received_online",
    "received_direct_postal",
    "received_carried_over",
    "resolved_total",
    "resolved_early",
    "resolved_on_time",
    "resolved_overdue",
    "in_progress_total",
    "in_progress_within",
    "in_progress_overdue",
)
IDENTITIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("received_total", ("received_online", "received_direct_postal", "received_carried_over")),
    ("resolved_total", ("resolved_early", "resolved_on_time", "resolved_overdue")),
    ("in_progress_total", ("in_progress_within", "in_progress_overdue")),
    ("received_total", ("resolved_total", "in_progress_total")),
)
# What a figure is of another one where nothing is published (provinces' reports of 2020 to 2024), in the order in
# which unknown figures are chosen: totals first, what follows from them last.
_SHARES: tuple[tuple[str, float, str], ...] = (
    ("resolved_total", 0.950, "received_total"),
    ("received_total", 1 / 0.950, "resolved_total"),
    ("received_total", 1 / 0.050, "in_progress_total"),
    ("in_progress_total", 0.0526, "resolved_total"),
    ("resolved_total", 1 / 0.650, "resolved_early"),
    ("resolved_total", 1 / 0.344, "resolved_on_time"),
    ("resolved_total", 1 / 0.006, "resolved_overdue"),
    ("in_progress_total", 1 / 0.915, "in_progress_within"),
    ("in_progress_total", 1 / 0.085, "in_progress_overdue"),
    ("received_total", 1 / 0.450, "received_online"),
    ("received_total", 1 / 0.508, "received_direct_postal"),
    ("received_total", 1 / 0.042, "received_carried_over"),
    ("resolved_total", 0.950, "received_total"),
    ("received_total", 1 / 0.950, "resolved_total"),
    ("received_total", 1 / 0.050, "in_progress_total"),
    ("received_carried_over", 0.042, "received_total"),
    ("received_online", 0.450, "received_total"),
    ("resolved_overdue", 0.006, "resolved_total"),
    ("resolved_early", 0.650, "resolved_total"),
    ("in_progress_overdue", 0.085, "in_progress_total"),
)
_Bounds = dict[str, tuple[int, int]]
_MOST = 10**9


def complete(target: Mapping[str, int]) -> dict[str, int]:
    """All eleven figures of the form's row, the given ones unchanged.

    Raises:
        ValueError: a name or a figure is none, nothing is given, or no row has these figures.
    """
    unknown = sorted(set(target) - set(COLUMNS))
    if unknown:
        raise ValueError(f"no such figure: {', '.join(unknown)}; choose from {', '.join(COLUMNS)}")
    if not target:
        raise ValueError(f"give at least one figure of: {', '.join(COLUMNS)}")
    for name, value in target.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
            raise ValueError(f"{name} is a whole number from 0 to {_MOST}, not {value!r}")
    bounds = {name: (target.get(name, 0), target.get(name, _MOST)) for name in COLUMNS}
    _tighten(bounds)
    for name, share, base in _SHARES:
        low, high = bounds[name]
        base_low, base_high = bounds[base]
        if low == high or base_low != base_high:
            continue
        chosen = min(max(round(share * base_low), low), high)
        bounds[name] = (chosen, chosen)
        _tighten(bounds)
    for name in COLUMNS:  # whatever the shares could not reach: the least that fits
        bounds[name] = (bounds[name][0], bounds[name][0])
        _tighten(bounds)
    return {name: low for name, (low, _) in bounds.items()}


def _tighten(bounds: _Bounds) -> None:
    """Carry the bounds along the identities until nothing changes."""
    changed = True
    while changed:
        changed = False
        for total, parts in IDENTITIES:
            low, high = sum(bounds[p][0] for p in parts), sum(bounds[p][1] for p in parts)
            changed |= _narrow(bounds, total, low, high, total, parts)
            for part in parts:
                others = [bounds[p] for p in parts if p != part]
                low = bounds[total][0] - sum(b[1] for b in others)
                high = bounds[total][1] - sum(b[0] for b in others)
                changed |= _narrow(bounds, part, low, high, total, parts)


def _narrow(bounds: _Bounds, name: str, low: int, high: int, total: str, parts: tuple[str, ...]) -> bool:
    old = bounds[name]
    new = max(old[0], low), min(old[1], high)
    if new[0] > new[1]:
        raise ValueError(f"the figures do not fit together: {total} = {' + '.join(parts)} cannot hold")
    bounds[name] = new
    return new != old
