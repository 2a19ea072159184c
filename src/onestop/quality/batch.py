"""Rules about a delivery as a whole (OS-000): judged once, when all of it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from onestop.quality.drift import RequiredTypes

MIN_RECORDS_FOR_LIMIT = 100


@dataclass
class BatchFacts:
    """What a delivery as a whole shows, gathered chunk by chunk.

    judged: records that are no duplicates; failed: those of them that went to quarantine.
    live: records that are no deletes; missing: how many of those lack each required field.
    types: as what the required fields came. new_fields: those that no specification knows, as said to people.
    """

    judged: int = 0
    failed: int = 0
    received: int = 0
    live: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    types: RequiredTypes = field(default_factory=RequiredTypes)
    new_fields: str = ""

    def note_fields(self, records: Sequence[Mapping[str, object]], required: Iterable[str]) -> None:
        """Count, over live records, the required fields that are not there at all."""
        self.live += len(records)
        for name in required:
            if missing := sum(name not in record for record in records):
                self.missing[name] += missing


def reason_to_stop(
    facts: BatchFacts, *, limit: float | None, some_were_due: bool, failed_by_rule: Mapping[str, int]
) -> str | None:
    """Why the whole delivery must be refused, or None.

    Args:
        limit: the highest share of failing rows allowed, 0 to 1; None: there is none.
        some_were_due: a first load, or a range that overlaps what was served before.
        failed_by_rule: rows that broke each quarantine rule, for the message.
    """
    if some_were_due and facts.received == 0:
        return "no records came where some were due"
    if differences := _differences(facts):
        return "\n".join(["it differs from what the specification requires:", *differences])
    # The limit as written: 0.29 of 100 rows is 29 rows, which binary fractions are a little short of.
    if (
        limit is not None
        and facts.judged >= MIN_RECORDS_FOR_LIMIT
        and facts.failed > Decimal(str(limit)) * facts.judged
    ):
        top = Counter(failed_by_rule).most_common(3)
        listed = ", ".join(f"{rule} {n} rows" for rule, n in top)
        return (
            f"{facts.failed} of {facts.judged} rows fail ({facts.failed / facts.judged:.1%}),"
            f" more than the limit of {limit:.1%}; most often {listed}"
        )
    return None


def _differences(facts: BatchFacts) -> list[str]:
    """A line per required field that no record has, or that came as something else in all that have it.

    Where there is one, the unknown fields are listed too: a field that was renamed is gone and new at once.
    """
    absent = {name for name, n in facts.missing.items() if facts.live and n == facts.live}
    lines = {name: f"- the required field {name} is absent from every record ({facts.live} records)" for name in absent}
    for name, said in facts.types.retyped().items():
        lines[name] = f"- the required field {name} changed its type in every record that has it: {said}"
    listing = [lines[name] for name in sorted(lines)]
    if listing and facts.new_fields:
        listing.append(f"- fields that no specification knows: {facts.new_fields}")
    return listing
