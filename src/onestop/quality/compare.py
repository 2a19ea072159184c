"""The delivery rules of one delivery: measured, judged, kept in ops, and said in the ledger's message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from onestop.quality.counted import Counted
from onestop.quality.delivery import (
    CountCheck,
    Counts,
    Finding,
    FreshnessCheck,
    Outcome,
    ShareCheck,
    SilenceCheck,
    SizeCheck,
)
from onestop.quality.history import Cursor, Delivery, History, is_usual, measure, working_days, write_outcome
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import DeliveryRule
from onestop.specs import EntitySpec

NAMED = 3


@dataclass
class Comparison:
    """What the delivery rules said: counts for ops.rule_result, words for the ledger, a reason to refuse or None."""

    counts: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    stop: str | None = None

    def note(self, rule: DeliveryRule, outcome: Outcome) -> None:
        """Add a rule's outcome."""
        self.counts[rule.id] = (rule.action, outcome.compared, len(outcome.findings))
        if outcome.state != "broken":
            return
        said = f"{rule.id}: {rule.message_en} ({_listed(outcome.findings)})"
        self.words.append(said)
        if rule.action == "stop":
            self.stop = said

    @property
    def message(self) -> str | None:
        """For ops.load_batch.message."""
        return "; ".join(self.words) or None


def _listed(findings: Sequence[Finding]) -> str:
    def said(finding: Finding) -> str:
        numbers = f"{finding.found:.4g}, usual {finding.usual:.4g}"
        return f"{finding.subject}: {numbers}" if finding.subject else numbers

    more = len(findings) - NAMED
    return "; ".join(map(said, findings[:NAMED])) + (f"; and {more} more" if more > 0 else "")


def counted_columns(rules: Sequence[DeliveryRule]) -> list[str]:
    """The columns of raw whose values delivery rules look at."""
    return sorted({rule.check.column for rule in rules if isinstance(rule.check, ShareCheck)})


def compare(
    cursor: Cursor,
    rules: Sequence[DeliveryRule],
    delivery: Delivery,
    spec: EntitySpec,
    counted: Counted,
    reference: ReferenceIndex,
) -> Comparison:
    """Measure a delivery whose rows are in place, and `counted`, and compare it; the caller commits.

    Nothing is compared of a first load, a backfill or a replay, nor on holidays and make-up days. What was not judged,
    and why, stands in ops.delivery_check; the message names what differs.
    """
    calendar = working_days(cursor)
    measure(cursor, delivery, spec, counted, calendar)
    done = Comparison()
    unusual = not delivery.covers and not is_usual(calendar, delivery.local.date())
    history = None if delivery.irregular else History(cursor, delivery, calendar)
    for rule in rules:
        if history is None:
            outcome = Outcome("not_judged", reason=delivery.irregular)
        elif unusual and not isinstance(rule.check, FreshnessCheck):
            outcome = Outcome("not_judged", reason="holiday")
        else:
            outcome = _judge(history, rule, reference)
        done.note(rule, outcome)
        write_outcome(cursor, delivery.batch_id, rule, outcome)
    return done


def _judge(history: History, rule: DeliveryRule, reference: ReferenceIndex) -> Outcome:
    check = rule.check
    if isinstance(check, CountCheck):
        gaps = [day.gap for day in history.before if day.gap is not None]
        if gaps and (history.now.gap or 0) > max(gaps):
            return Outcome("not_judged", reason=f"gap {history.now.gap}")
        return check.judge(int(history.now.records), [round(day.records) for day in history.before])
    if isinstance(check, ShareCheck):
        return check.judge(*history.counts(check.column))
    if isinstance(check, SilenceCheck):
        now, before = history.counts("agency")
        return check.judge(now, [_valid(day, reference, history.delivery.local.date()) for day in before])
    if isinstance(check, FreshnessCheck):
        quiet, usual = history.quiet(rule.id)
        return Outcome("not_judged", reason="no_record") if quiet is None else check.judge(quiet, usual)
    raise AssertionError(f"{rule.id}: only reference files have a size")


def _valid(counts: Counts, reference: ReferenceIndex, day: date) -> dict[str, int]:
    """Without units that ended: their silence is meant."""
    stamp = f"{day:%Y%m%d}"
    return {unit: n for unit, n in counts.items() if reference.agency_valid(unit, stamp, stamp)}


def compare_size(
    cursor: Cursor, rules: Sequence[DeliveryRule], batch_id: int, rows: int, in_force: int | None
) -> Comparison:
    """Compare a reference file with the version in force, if there is one."""
    done = Comparison()
    for rule in rules:
        if not isinstance(rule.check, SizeCheck):
            raise AssertionError(f"{rule.id}: of a reference file only the size is compared")
        outcome = (
            Outcome("not_judged", reason="first_version") if in_force is None else rule.check.judge(rows, [in_force])
        )
        done.note(rule, outcome)
        write_outcome(cursor, batch_id, rule, outcome)
    return done
