"""The tables that an edition's contents lie in: their columns, the order in which they are hashed, and where a draft
takes them from. One list, read by drafting, hashing, verifying and deleting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_PERIOD = ("period_convention", "period", "period_from", "period_to")
FORM = (
    *("received_total", "received_online", "received_direct_postal", "received_carried_over"),
    *("resolved_total", "resolved_early", "resolved_on_time", "resolved_overdue"),
    *("in_progress_total", "in_progress_within", "in_progress_overdue"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of `published` without its edition_id.

    `key` names a row and orders the table. `source` is the query that a draft fills it from, over the parameters
    convention, period, period_id and known_at; empty where it takes more than one query.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str]
    source: str = ""

    @property
    def listed(self) -> str:
        """The columns for a statement."""
        return ", ".join(self.columns)

    @property
    def order(self) -> str:
        """The order of rows: bytes of texts, whatever the database's collation is."""
        rest = [column for column in self.columns if column not in self.key]
        return ", ".join(
            f'{column}::text collate "C"' if column in self.texts else column for column in (*self.key, *rest)
        )

    def named(self, values: Sequence[str]) -> str:
        """A row's name out of its values, in the columns' order."""
        return ", ".join(f"{column} {values[self.columns.index(column)]}" for column in self.key)


def _table(name: str, columns: Sequence[str], key: Sequence[str], numbers: Sequence[str], source: str = "") -> Table:
    chosen = tuple(columns)
    return Table(name, chosen, tuple(key), frozenset(chosen) - frozenset(numbers), source)


_BY_PERIOD = "where period_convention = %(convention)s and period = %(period)s"
_METRIC = (
    *_PERIOD,
    *("org_view", "agency_code", "agency_level", "field_code", "metric_code"),
    *("numerator", "denominator", "value", "metric_version"),
)
_UNIT = (*_PERIOD, "org_view", "agency_code", "agency_name_vi")
_FIELD = (*_UNIT, "field_code", "field_name_vi")
_PART = (
    *("org_view", "agency_code", "field_code", "score_code", "part_code", "part_name_vi", "part_name_en"),
    *("points", "maximum", "numerator", "denominator", "reason"),
)
_RULE = (
    *("metric_code", "metric_version", "metric_name_vi", "metric_name_en", "unit"),
    *("numerator", "denominator", "legal_basis", "family"),
)
_PLACE = ("place_id", "agency_code", "received_from", "received_to", "chain_as_was", "chain_as_is")
_ITEM = (
    *("metric_code", "org_view", "item_kind", "item_code", "source_id", "batch_id", "row_number", "chain"),
    *("numerator", "denominator"),
)
_INPUT = ("batch_id", "source_id", "entity", "origin", "sha256", "accepted", "accepted_at")
_DATES = ("period_from", "period_to")
DOSSIER = (
    *("dossier_code", "source_id", "batch_id", "row_number", "place_id", "field_code", "procedure_code"),
    *("received_on", "due_on", "finished_on", "status", "processing_working_days", "counting_id"),
)

# Filled when the edition is approved, not when it is drafted.
UNIT_ANSWER = _table(
    "unit_answer",
    (
        *("statement_id", "agency_code", "kind", "shown", "answers", "column_name", "dossier_codes", "words"),
        *("deadline", "by_whom", "happened_at", "file_sha256"),
    ),
    ("statement_id",),
    ("statement_id", "answers", "dossier_codes", "deadline", "happened_at"),
)

TABLES: tuple[Table, ...] = (
    _table(
        "quarterly_metric",
        _METRIC,
        ("org_view", "agency_code", "field_code", "metric_code"),
        (*_DATES, "numerator", "denominator", "value", "metric_version"),
        f"select {', '.join(_METRIC)} from mart.quarterly_metric {_BY_PERIOD}",
    ),
    _table(
        "form_ii_06a",
        (*_UNIT, *FORM),
        ("org_view", "agency_code"),
        (*_DATES, *FORM),
        f"select {', '.join((*_UNIT, *FORM))} from report.form_ii_06a {_BY_PERIOD}",
    ),
    _table(
        "form_ii_06a_field",
        (*_FIELD, *FORM),
        ("org_view", "agency_code", "field_code"),
        (*_DATES, *FORM),
        f"select {', '.join((*_FIELD, *FORM))} from report.form_ii_06a_field {_BY_PERIOD}",
    ),
    _table(
        "score_766_part",
        _PART,
        ("org_view", "agency_code", "field_code", "score_code", "part_code"),
        ("points", "maximum", "numerator", "denominator"),
        f"select {', '.join(_PART)} from mart.score_766_part {_BY_PERIOD}",
    ),
    _table(
        "metric_rule",
        _RULE,
        ("metric_code",),
        ("metric_version",),
        f"select {', '.join(_RULE)} from mart.dim_metric",
    ),
    _table(
        "place",
        _PLACE,
        ("place_id",),
        ("place_id", "received_from", "received_to"),
        f"select {', '.join(_PLACE)} from intermediate.int_agency__place",
    ),
    _table("counting", ("counting_id", "numerators", "denominators"), ("counting_id",), ("counting_id",)),
    _table(
        "dossier",
        DOSSIER,
        ("dossier_code",),
        [column for column in DOSSIER if column not in ("dossier_code", "source_id", "field_code", "procedure_code")],
    ),
    _table(
        "item",
        _ITEM,
        ("metric_code", "org_view", "item_kind", "item_code"),
        ("batch_id", "row_number", "numerator", "denominator"),
        f"select {', '.join(_ITEM)} from intermediate.int_metric__counted_item where period_id = %(period_id)s",
    ),
    _table(
        "input",
        _INPUT,
        ("batch_id",),
        ("batch_id", "accepted", "accepted_at"),
        f"select {', '.join(_INPUT)} from ops.load_batch where accepted_at <= %(known_at)s and state = 'loaded'",
    ),
    _table(
        "moved",
        (
            *("item_kind", "item_code", "reason_code", "change", "agency_code_before", "agency_code_after"),
            *("batch_id_before", "batch_id_after"),
        ),
        ("item_kind", "item_code"),
        ("batch_id_before", "batch_id_after"),
    ),
    _table("report_figures", ("figures",), (), ()),
    UNIT_ANSWER,
)
BY_NAME = {table.name: table for table in TABLES}
