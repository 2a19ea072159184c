"""Rules that compare a delivery with those before it: how many records, of which status, how new, from which units.

Here stand the checks and how each decides, over a handful of numbers; onestop.quality.history measures those in the
warehouse. Where there is too little to compare with, nothing is judged, and it is said why.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Counts = Mapping[str, int]
State = Literal["kept", "broken", "not_judged"]
MOST_FINDINGS = 20  # units or values listed of one rule and delivery
REASONS = {
    "history": "{0} days to compare with, {1} are needed",
    "records": "fewer than {0} records",
    "gap": "it covers {0} days, as none before did",
    "holiday": "a holiday or a make-up day, or the day after one",
    "no_record": "no record yet",
    "first_load": "the source's first load",
    "first_version": "the first version of the file",
    "backfill": "a backfill",
    "replay": "a replay",
    "nothing_asked": "nothing was asked",
}
"""Why a rule was not judged. In ops.delivery_check a code and its numbers, `history 2 3`."""


@dataclass(frozen=True)
class Finding:
    """One thing that was compared and differs: what (a status, a unit; empty: the whole), found, and usual."""

    subject: str
    found: float
    usual: float


@dataclass(frozen=True)
class Outcome:
    """What became of one rule on one delivery.

    compared: how many things were looked at. reason: why it was not judged, a code of REASONS and its numbers.
    """

    state: State
    compared: int = 0
    findings: tuple[Finding, ...] = ()
    reason: str | None = None


class _Check(BaseModel, ABC):
    model_config = ConfigDict(extra="forbid", frozen=True)

    least_days: Annotated[int, Field(ge=1, le=4)] = 3

    def judge(self, now: Any, before: Sequence[Any]) -> Outcome:
        """Compare a delivery with the days before it, each measured alike."""
        if len(before) < self.least_days:
            return Outcome("not_judged", reason=f"history {len(before)} {self.least_days}")
        return self._judge(now, before)

    @abstractmethod
    def _judge(self, now: Any, before: Sequence[Any]) -> Outcome: ...


def _outcome(compared: int, findings: Sequence[Finding]) -> Outcome:
    return Outcome("broken" if findings else "kept", compared, tuple(findings[:MOST_FINDINGS]))


class CountCheck(_Check):
    """The number of new records against the median of the days before.

    tolerance: how far off, as a share of the median, is still usual. at_least: a smaller difference never counts.
    """

    type: Literal["count"]
    tolerance: Annotated[float, Field(gt=0)]
    at_least: Annotated[int, Field(ge=0)]

    def _judge(self, now: int, before: Sequence[int]) -> Outcome:
        usual = median(before)
        off = abs(now - usual) > max(self.tolerance * usual, self.at_least)
        return _outcome(1, [Finding("", now, usual)] if off else [])


class ShareCheck(_Check):
    """The share of each value of a column against the median of its shares on the days before.

    points: percentage points that a share may move. least_records: with fewer, of now or of a day, shares say nothing.
    """

    type: Literal["share"]
    column: str
    points: Annotated[float, Field(gt=0, lt=100)]
    least_records: Annotated[int, Field(ge=1)]

    def judge(self, now: Counts, before: Sequence[Counts]) -> Outcome:
        """As in every check; days with too few records are no days to compare with."""
        if sum(now.values()) < self.least_records:
            return Outcome("not_judged", reason=f"records {self.least_records}")
        return super().judge(now, [day for day in before if sum(day.values()) >= self.least_records])

    def _judge(self, now: Counts, before: Sequence[Counts]) -> Outcome:
        values = sorted({value for day in (now, *before) for value in day})
        shares = [(value, _share(now, value), median(_share(day, value) for day in before)) for value in values]
        moved = [Finding(value, found, usual) for value, found, usual in shares if abs(found - usual) > self.points]
        return _outcome(len(values), sorted(moved, key=lambda f: -abs(f.found - f.usual)))


def _share(day: Counts, value: str) -> float:
    return 100 * day.get(value, 0) / sum(day.values())


class FreshnessCheck(_Check):
    """How many whole working days passed without a record, up to now (or to the last day that a file covers).

    quiet_days: so many are always usual. times: and so many times what the source's own rhythm shows.
    """

    type: Literal["freshness"]
    quiet_days: Annotated[int, Field(ge=0)]
    times: Annotated[float, Field(ge=1)]

    def _judge(self, now: int, before: Sequence[int]) -> Outcome:
        usual = median(before)
        late = now > max(self.quiet_days, self.times * usual)
        return _outcome(1, [Finding("", now, usual)] if late else [])


class SilenceCheck(_Check):
    """Units that had records on each of the days before, and have none now.

    least_records: what a unit must have had, on every one of those days, for its silence to mean something.
    """

    type: Literal["silence"]
    least_records: Annotated[int, Field(ge=1)]

    def _judge(self, now: Counts, before: Sequence[Counts]) -> Outcome:
        usual = {unit: min(day.get(unit, 0) for day in before) for unit in before[0]}
        always = {unit: least for unit, least in usual.items() if least >= self.least_records}
        silent = [Finding(unit, 0, median(day[unit] for day in before)) for unit in always if not now.get(unit)]
        return _outcome(len(always), sorted(silent, key=lambda f: (-f.usual, f.subject)))


class SizeCheck(_Check):
    """The rows of a reference file against those of the version in force. tolerance: as a share of the latter."""

    type: Literal["size"]
    tolerance: Annotated[float, Field(gt=0)]
    least_days: Annotated[int, Field(ge=1, le=1)] = 1

    def _judge(self, now: int, before: Sequence[int]) -> Outcome:
        off = abs(now - before[-1]) > self.tolerance * before[-1]
        return _outcome(1, [Finding("", now, before[-1])] if off else [])


Check = Annotated[CountCheck | ShareCheck | FreshnessCheck | SilenceCheck | SizeCheck, Field(discriminator="type")]
