"""The examples of expectation files as records: what each rule keeps, and what it catches.

`_served_before_with` in an example says that another content with the record's key came before it, in a file: stands
beside it. Other names with a leading underscore are the readers' own (`_surplus`: cells beyond the table).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import RowRule, RuleBook

ANOTHER = "_served_before_with"
READERS_OWN = frozenset({"_surplus"})
# The units and procedures that examples are judged with; each file says so above its own.
REFERENCE = ReferenceIndex.build([("H15.07", None, None)], ["1.012790"])


@dataclass(frozen=True)
class Played:
    """One example: the rule it belongs to (None: the file's own record), its record, whether its content is the only one."""

    rule: RowRule | None
    keeps: bool
    record: Mapping[str, Any]
    is_single: bool


def examples_of(book: RuleBook) -> list[Played]:
    """The file's record, then of each rule the passing example and the failing ones."""
    found = [Played(None, True, book.example.record, True)]
    for rule in book.row_rules:
        changes = [(True, rule.passing), *((False, c) for c in (rule.failing, *rule.also_failing))]
        found += [
            Played(
                rule,
                keeps,
                {**book.example.record, **{k: v for k, v in change.items() if k != ANOTHER}},
                ANOTHER not in change,
            )
            for keeps, change in changes
        ]
    return found
