"""Schema drift: fields that no specification knows, and required ones that are gone or came as something else.

An unknown field is kept where it was received (landing, encrypted), never in raw; what is shown of it is its name, its
types and a few values with every letter as x and every digit as 9.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import psycopg

from onestop.specs import EntitySpec

Record = Mapping[str, Any]
EXAMPLES = 3
EXAMPLE_CHARACTERS = 40
NAME_CHARACTERS = 100
MOST_FIELDS = 100  # unknown fields that are listed of a delivery; one that makes a name per record makes no more
NAMED_IN_MESSAGE = 20
_SHOWN = frozenset(string.punctuation + " ")
_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
# What each kind of field may come as; onestop.sources.text.as_text reads an integer as its digits. A fraction or a
# boolean in place of a code is another value than the one that was meant.
_EXPECTED = {
    "code": ("string", "integer"),
    "text": ("string", "integer"),
    "date": ("string", "integer"),
    "number": ("number", "integer", "string"),
    "list": ("array", "string"),
}


def json_type(kind: type) -> str:
    """The JSON type of values of a Python type, with whole numbers apart: integer."""
    return _TYPES.get(kind, "object")


def mask(value: Any) -> str:
    """What a value looks like, and nothing of what it says: letters x, digits 9, punctuation kept, cut short."""
    if not isinstance(value, str):
        try:
            value = orjson.dumps(value).decode()
        except TypeError:  # nested deeper than can be written
            return "…"
    shown = "".join("9" if c.isnumeric() else c if c in _SHOWN else "x" for c in value[:EXAMPLE_CHARACTERS])
    return shown + ("…" if len(value) > EXAMPLE_CHARACTERS else "")


def shown_name(name: str) -> str:
    """A field's name as it is kept and said: printable, bounded, its long digits as 9s."""
    return _shown_name(name[:NAME_CHARACTERS])


@lru_cache(maxsize=1024)
def _shown_name(name: str) -> str:
    bare = "".join(c if c.isprintable() else "?" for c in name)
    return re.sub(r"\d{4,}", lambda digits: "9" * len(digits[0]), bare)


@dataclass
class _Seen:
    types: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)


@dataclass
class UnknownFields:
    """The fields of one delivery that its specification does not know, gathered chunk by chunk.

    Lists are looked into where they came as lists, not where they came as text.

    Args:
        spec: the entity's specification.
        ours: names that a reader of this project adds to records.
    """

    spec: EntitySpec
    ours: frozenset[str] = frozenset()
    found: dict[str, _Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = self.ours | {item.field for item in self.spec.fields}
        self._lists = [(i.field, frozenset(part.field for part in i.items)) for i in self.spec.fields if i.items]

    def note(self, records: Sequence[Record], names: Iterable[str] | None = None) -> None:
        """Look through some records.

        Args:
            names: every field that any of them has, where that is known.
        """
        if self._all_known(records, set().union(*records) if names is None else names):
            return
        for record in records:
            if not self._known.issuperset(record):
                self._add(record, self._known)
            for name, parts in self._lists:
                elements = record.get(name)
                if not isinstance(elements, list):
                    continue
                for element in elements:
                    if isinstance(element, dict) and not parts.issuperset(element):
                        self._add(element, parts, f"{name}[].")

    def knows(self, names: Iterable[str]) -> bool:
        """Whether all of these are fields of the specification, or ours."""
        return self._known.issuperset(names)

    def _all_known(self, records: Sequence[Record], names: Iterable[str]) -> bool:
        """Whether there is nothing to note, which is the rule: found out in a tenth of the time."""
        if not self.knows(names):
            return False
        for name, parts in self._lists:
            lists = [value for record in records if (value := record.get(name)) and isinstance(value, list)]
            elements = [element for value in lists for element in value if isinstance(element, dict)]
            if not parts.issuperset(set().union(*elements)):
                return False
        return True

    def _add(self, record: Record, known: frozenset[str], inside: str = "") -> None:
        for name, value in record.items():
            if name in known:
                continue
            label = shown_name(inside + name)
            if label not in self.found and len(self.found) >= MOST_FIELDS:
                continue
            seen = self.found.setdefault(label, _Seen())
            seen.types.add(json_type(type(value)))
            if len(seen.examples) < EXAMPLES and value not in (None, "", [], {}):
                seen.examples.append(mask(value))

    def listed(self, names: Sequence[str] | None = None) -> str:
        """Names with their types, for a message."""
        wanted = sorted(self.found) if names is None else sorted(names)
        said = [f"{name} ({' or '.join(sorted(self.found[name].types))})" for name in wanted[:NAMED_IN_MESSAGE]]
        more = len(wanted) - len(said)
        return ", ".join(said) + (f" and {more} more (ops.unknown_field)" if more > 0 else "")


def write_unknown(
    cursor: psycopg.Cursor[tuple[object, ...]],
    unknown: UnknownFields,
    *,
    source_id: str,
    entity: str,
    batch_id: int,
    first_seen_at: datetime,
) -> str | None:
    """Keep what a delivery showed in ops.unknown_field; the caller commits.

    Returns:
        the sentence about fields that no earlier batch had; None where there are none.
    """
    if not unknown.found:
        return None
    cursor.execute(
        "select field, json_types, examples_masked from ops.unknown_field where source_id = %s and entity = %s",
        [source_id, entity],
    )
    before: dict[str, tuple[list[str], list[str]]] = {row[0]: (row[1], row[2]) for row in cursor}  # type: ignore[misc]
    for name, seen in unknown.found.items():
        types, examples = before.get(name, ([], []))
        now = sorted({*types, *seen.types}), [*examples, *seen.examples][:EXAMPLES]
        if name in before and now == (types, examples):
            continue
        cursor.execute(
            "insert into ops.unknown_field (source_id, entity, field, json_types, examples_masked, first_batch_id,"
            " first_seen_at) values (%s, %s, %s, %s, %s, %s, %s) on conflict (source_id, entity, field)"
            " do update set json_types = excluded.json_types, examples_masked = excluded.examples_masked",
            [source_id, entity, name, *now, batch_id, first_seen_at],
        )
    new = [name for name in unknown.found if name not in before]
    return f"new fields that no specification knows, kept in landing only: {unknown.listed(new)}" if new else None


@dataclass
class RequiredTypes:
    """As what the required fields of a delivery came: field -> records by JSON type. Null is no value."""

    expected: dict[str, str] = field(default_factory=dict)
    found: dict[str, Counter[str]] = field(default_factory=dict)

    def note(self, records: Sequence[Record], spec: EntitySpec) -> None:
        """Count over some live records."""
        for name in spec.required:
            self.expected[name] = spec.by_field(name).kind
            counted = self.found.setdefault(name, Counter())
            for kind, n in Counter(map(type, [record.get(name) for record in records])).items():
                if kind is not type(None):
                    counted[json_type(kind)] += n

    def note_texts(self, records: int, spec: EntitySpec) -> None:
        """Count so many live records that have every required field, as text."""
        for name in spec.required if records else ():
            self.expected[name] = spec.by_field(name).kind
            self.found.setdefault(name, Counter())[json_type(str)] += records

    def retyped(self) -> dict[str, str]:
        """Fields of which no value is of a type that is expected: field -> expected, found, and how many records."""
        return {
            name: f"expected {' or '.join(_EXPECTED[self.expected[name]])}, found {_counts(types)}"
            for name, types in self.found.items()
            if types and not any(types[expected] for expected in _EXPECTED[self.expected[name]])
        }


def _counts(types: Counter[str]) -> str:
    total = sum(types.values())
    return ", ".join(f"{name} in {n} of {total} records" for name, n in types.most_common())
