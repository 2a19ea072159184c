"""Repairs of codes, counted per batch, field and kind, with first examples: ops.code_repair.

Codes are trimmed, NFC, upper case and without inner blanks before anything looks at them (contracts/metrics.md). A
source that needs much of this has something to mend, so that each repair is counted, of every record that went to
raw or quarantine. No code field is a personal one; an example that does not look like a code is masked all the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from onestop.quality.drift import mask

KINDS = ("trimmed", "inner blanks removed", "upper case", "composed (NFC)")
# What code_array takes for a blank: \s and the separators of Unicode.
_BLANKS = "\t\n\f\r \xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_ANY_BLANK = re.compile(f"[{_BLANKS}]")
EXAMPLES = 3
_CODE = re.compile(r"[A-Z0-9ĐÀ-Ý]+(?:[._/-][A-Z0-9ĐÀ-Ý]+)*")
_LONG_NUMBER = re.compile(r"[0-9]{9}")
_LONGEST = 40


class Changed(Protocol):
    """Codes that were changed: as delivered, and as kept (onestop.sources.code_repairs.Repaired)."""

    @property
    def before(self) -> pa.Array: ...
    @property
    def after(self) -> pa.Array: ...


@dataclass
class _Kind:
    codes: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class CodeRepairs:
    """The repairs of one delivery, gathered chunk by chunk."""

    found: dict[tuple[str, str], _Kind] = field(default_factory=dict)

    def note(self, repairs: Mapping[str, Changed]) -> None:
        """Count one chunk's: field -> codes that were changed."""
        for name, codes in repairs.items():
            after = dict(zip(codes.before.to_pylist(), codes.after.to_pylist(), strict=True))
            for value in pc.value_counts(codes.before).to_pylist():
                before = value["values"]
                for kind in kinds_of(before):
                    seen = self.found.setdefault((name, kind), _Kind())
                    seen.codes += value["counts"]
                    if len(seen.examples) < EXAMPLES:
                        example = _shown(before, after[before])
                        if example not in seen.examples:
                            seen.examples.append(example)

    def said(self) -> str | None:
        """For the ledger's message: fields with their kinds; None where nothing was repaired."""
        fields: dict[str, list[str]] = {}
        for (name, kind), seen in sorted(self.found.items()):
            fields.setdefault(name, []).append(f"{kind} {seen.codes}")
        listed = "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in fields.items())
        return f"codes repaired ({listed})" if listed else None

    def write(self, cursor: psycopg.Cursor[tuple[object, ...]], batch_id: int) -> None:
        """Keep them in ops.code_repair; the caller commits, with the batch's ledger row."""
        cursor.executemany(
            "insert into ops.code_repair (batch_id, field, kind, codes, examples) values (%s, %s, %s, %s, %s)",
            [
                [
                    batch_id, name, kind, seen.codes,
                    orjson.dumps([{"before": b, "after": a} for b, a in seen.examples]).decode(),
                ]
                for (name, kind), seen in sorted(self.found.items())
            ],
        )  # fmt: skip


def _shown(before: str, after: str) -> tuple[str, str]:
    """An example as it is, or masked where it does not look like a code or could be a number of a person."""
    if len(before) <= _LONGEST and _CODE.fullmatch(after) and not _LONG_NUMBER.search(after):
        return before, after
    return mask(before), mask(after)


def kinds_of(before: str) -> tuple[str, ...]:
    """How a code as delivered is repaired, in the order of KINDS."""
    trimmed = before.strip(_BLANKS)
    bare = _ANY_BLANK.sub("", trimmed)
    composed = unicodedata.normalize("NFC", bare)
    done = (trimmed != before, bare != trimmed, composed.upper() != composed, composed != bare)
    return tuple(kind for kind, was_done in zip(KINDS, done, strict=True) if was_done)
