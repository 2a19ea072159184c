"""What differs from one entity to the next: its columns, its rules, and the facts that its rules look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from onestop.quality.facts import dossier_table
from onestop.quality.facts_feedback import feedback_table
from onestop.quality.facts_portal import PortalFacts, portal_table
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import RuleBook, rules_for
from onestop.sources.feedback_record import normalise
from onestop.sources.records import Shaped
from onestop.sources.table_records import TableRecords
from onestop.sources.text import values_of
from onestop.specs import EntitySpec, load_spec

Record = Mapping[str, Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """What is known besides the records: reference data, now + 1 h (14 digits), which contents are the only ones."""

    reference: ReferenceIndex
    latest_allowed: str
    is_single: Mask


@dataclass(frozen=True)
class Entity:
    """One entity of one family of sources.

    table: the judge's table of some shaped records.
    prepare: brings a delivered record into the spec's form before anything else looks at it.
    """

    spec: EntitySpec
    book: RuleBook
    table: Callable[[Shaped, Known], pd.DataFrame]
    prepare: Callable[[Record, ZoneInfo], Record] | None = None

    @property
    def key_column(self) -> str:
        """The raw column of the record's key."""
        return self.spec.by_field(self.spec.key).column or ""

    @property
    def version_column(self) -> str:
        """The raw column of the record's version: its time of change."""
        return self.spec.by_field(self.spec.version).column or ""


def _dossier(shaped: Shaped, known: Known) -> pd.DataFrame:
    return dossier_table(
        shaped.columns,
        shaped.dates,
        {
            "unreadable_dates": shaped.unreadable_dates,
            "bad_amounts": shaped.bad_amounts,
            "legacy_texts": shaped.legacy_texts,
        },
        _text_only(shaped, "MucDoHaiLong"),
        load_spec("one_stop_dossier"),
        known.reference,
        known.latest_allowed,
        known.is_single,
    )


def _text_only(shaped: Shaped, name: str) -> Mask:
    """False where a field came as something else than text."""
    mask = np.ones(len(shaped), dtype=bool)
    mask[[place for place, fields in shaped.not_text.items() if name in fields]] = False
    return mask


def _feedback(shaped: Shaped, known: Known) -> pd.DataFrame:
    return feedback_table(shaped.columns, shaped.dates, shaped.unreadable_dates, known.reference, known.latest_allowed)


_ENTITIES: dict[str, Callable[[], Entity]] = {
    "one_stop_api": lambda: Entity(load_spec("one_stop_dossier"), rules_for("one_stop", "dossier"), _dossier),
    "feedback_api": lambda: Entity(
        load_spec("feedback_case"), rules_for("feedback", "feedback_case"), _feedback, normalise
    ),
}
_ENTITIES["one_stop_sql"] = _ENTITIES["one_stop_api"]


def entity_of(kind: str) -> Entity:
    """What a polled source of this kind delivers."""
    return _ENTITIES[kind]()


def portal_entity(name: str) -> Entity:
    """What a file of the portal holds: dossier, payment or rating."""
    spec = load_spec(f"portal_{name}")

    def table(shaped: Shaped, known: Known) -> pd.DataFrame:
        surplus = np.array([bool(cells) for cells in values_of(shaped.records, "_surplus")], dtype=bool)
        facts = PortalFacts(
            columns=shaped.columns,
            dates=shaped.dates,
            unreadable_dates=shaped.unreadable_dates,
            legacy_texts=shaped.legacy_texts,
            not_text=shaped.not_text,
            surplus=surplus,
            is_single=known.is_single,
            latest_allowed=known.latest_allowed,
        )
        return portal_table(facts, spec, known.reference)

    return Entity(spec, rules_for("portal", name), table)


def some(shaped: Shaped, places: npt.NDArray[np.intp]) -> Shaped:
    """The records at these places, which are in order, as a chunk of their own."""
    if len(places) == len(shaped):
        return shaped
    kept = np.zeros(len(shaped), dtype=bool)
    kept[places] = True
    records = shaped.records
    new_place = {int(old): new for new, old in enumerate(places)} if shaped.not_text else {}
    return replace(
        shaped,
        records=records.some(places) if isinstance(records, TableRecords) else [records[p] for p in places],
        columns={name: column.filter(kept) for name, column in shaped.columns.items()},
        dates={name: good[kept] for name, good in shaped.dates.items()},
        unreadable_dates=shaped.unreadable_dates[kept],
        bad_amounts=shaped.bad_amounts[kept],
        legacy_texts=shaped.legacy_texts[kept],
        not_text={new_place[old]: names for old, names in shaped.not_text.items() if old in new_place},
        content_hash=[shaped.content_hash[p] for p in places],
        delivered_key=[shaped.delivered_key[p] for p in places],
        repairs={name: codes.some(kept) for name, codes in shaped.repairs.items()},
    )
