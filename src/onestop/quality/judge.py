"""Great Expectations over one chunk -> which rows broke which rule. The only module that imports GX.

GX's results quote failing values; they are reduced to row positions here and go nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from onestop.errors import OnestopError
from onestop.quality.rules import RowRule, RuleBook

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.expectations import core as _core

_COMPLETE = {"result_format": "COMPLETE"}
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_WORD = re.compile(r"[a-z_]+", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_OPERATORS = frozenset({"and", "or", "not", "in", "true", "false", "none", "isnull", "notnull"})
# Taken by GX and without effect here: a rule is kept or broken by each row, and says so in its own words.
_NO_EFFECT = frozenset(
    {"mostly", "meta", "notes", "description", "severity", "id", "windows", "batch_id", "rendered_content"}
    | {"result_format", "catch_exceptions", "condition_parser"}
)
_names = count()


@dataclass(frozen=True)
class Verdict:
    """For each row rule: how many rows it looked at, and which ones broke it (bool per row of the chunk)."""

    checked: Mapping[str, int]
    broken: Mapping[str, npt.NDArray[np.bool_]]


class Judge:
    """The row rules of one entity, built once and run on chunk after chunk.

    Raises:
        OnestopError: a rule names an expectation that GX does not have, or with arguments it does not take.
    """

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        source = self._context.data_sources.add_pandas(name=f"chunks_{next(_names)}")
        self._batches = source.add_dataframe_asset(name="chunk").add_batch_definition_whole_dataframe("whole")
        self._suites = {rows: self._suite(rows) for rows in ("all", "not_deleted")}
        self._columns = {rows: self._columns_of(rows) for rows in self._suites}

    def __call__(self, table: pd.DataFrame, deleted: npt.NDArray[np.bool_]) -> Verdict:
        """Judge one chunk.

        Args:
            table: one row per record (onestop.quality.facts).
            deleted: which records only say that a dossier was deleted; most rules leave them out.
        """
        checked: dict[str, int] = {}
        broken = {rule.id: np.zeros(len(table), dtype=bool) for rule in self.book.row_rules}
        for rows, suite in self._suites.items():
            places = np.arange(len(table)) if rows == "all" else np.flatnonzero(~deleted)
            for rule in self.book.row_rules:
                if rule.rows == rows:
                    checked[rule.id] = len(places)
            if suite is None or not len(places):
                continue
            part = table[[c for c in table.columns if c in self._columns[rows]]]
            if len(places) < len(table):
                part = part.iloc[places].reset_index(drop=True)
            for rule_id, failed in self._run(suite, part):
                broken[rule_id][places[failed]] = True
        return Verdict(checked, broken)

    def _suite(self, rows: str) -> Any:
        expectations = [
            _build(rule, expectation.type, expectation.arguments)
            for rule in self.book.row_rules
            if rule.rows == rows
            for expectation in rule.expectations
        ]
        if not expectations:
            return None
        return self._context.suites.add(gx.ExpectationSuite(name=f"{self.book.spec}_{rows}", expectations=expectations))

    def _columns_of(self, rows: str) -> frozenset[str]:
        """The columns that these rules name: GX copies the whole table for every rule, so it gets no others."""
        words: set[str] = set()
        for rule in self.book.row_rules:
            if rule.rows == rows:
                for name, value in ((n, v) for e in rule.expectations for n, v in e.arguments.items()):
                    if name in _COLUMN_ARGUMENTS:
                        words.add(value)
                    elif name == "row_condition":
                        words.update(_WORD.findall(value))
        return frozenset(words)

    def _run(self, suite: Any, part: pd.DataFrame) -> list[tuple[str, list[int]]]:
        outcome = self._batches.get_batch(batch_parameters={"dataframe": part}).validate(suite, result_format=_COMPLETE)
        if len(outcome.results) != len(suite.expectations):
            raise OnestopError(f"GX ran {len(outcome.results)} of {len(suite.expectations)} rules of {suite.name}")
        found = []
        for result in outcome.results:
            rule_id = result.expectation_config.meta["rule"]
            failed = (result.result or {}).get("unexpected_index_list")
            if failed is None:
                raise OnestopError(
                    f"rule {rule_id} could not be judged: {_why(result.exception_info)}",
                    next_step=f"mend the rule in the expectation file of {self.book.spec}",
                )
            found.append((rule_id, [int(place) for place in failed]))
        return found


def mistakes(rule: RowRule, columns: Collection[str]) -> list[str]:
    """What of a rule GX would not take, or could not judge on a table with these columns."""
    found = []
    for expectation in rule.expectations:
        try:
            _build(rule, expectation.type, expectation.arguments)
        except OnestopError as problem:
            found.append(problem.message)
        named = {v for n, v in expectation.arguments.items() if n in _COLUMN_ARGUMENTS}
        condition = str(expectation.arguments.get("row_condition", ""))
        named |= {word for word in _WORD.findall(_QUOTED.sub("", condition)) if word.lower() not in _OPERATORS}
        found += [
            f"rule {rule.id}: there is no column or fact {name}" for name in sorted(map(str, named - set(columns)))
        ]
    return found


def _build(rule: RowRule, kind: str, arguments: Mapping[str, Any]) -> Any:
    name = "".join(word.capitalize() for word in kind.split("_"))
    found = getattr(_core, name, None)
    if found is None:
        raise OnestopError(
            f"rule {rule.id}: GX has no expectation {kind}", next_step="correct its name in the expectation file"
        )
    extra = {"condition_parser": "pandas"} if "row_condition" in arguments else {}
    unknown = sorted(set(arguments) - (set(found.__fields__) - _NO_EFFECT))
    if unknown:
        raise OnestopError(f"rule {rule.id}: {kind} takes no {', '.join(unknown)}")
    try:
        return found(**arguments, **extra, meta={"rule": rule.id})
    except (TypeError, ValueError) as problem:
        raise OnestopError(f"rule {rule.id}: {kind}: {problem}") from problem


def _why(exception_info: Mapping[str, Any]) -> str:
    """The kind of error only: messages can quote values."""
    for info in (exception_info, *(v for v in exception_info.values() if isinstance(v, Mapping))):
        trace = info.get("exception_traceback")
        if trace:
            return str(trace).strip().splitlines()[-1].split(":")[0]
    return "it gave no row positions"
