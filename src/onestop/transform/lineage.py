"""From a column of the marts back to the fields that sources delivered: read from the SQL that dbt compiled.

Each model's SQL is taken apart (sqlglot), a column at a time: the columns that its value is made of, not those that only
choose its rows. Nothing is run, and no value of a record is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from onestop.errors import ConfigurationError, OnestopError
from onestop.resources import resource

Schema = dict[str, Any]
_COLUMNS = """
    select table_schema, table_name, column_name, data_type from information_schema.columns
    where table_schema not in ('pg_catalog', 'information_schema')
"""
_BUILD_FIRST = "run `onestop transform --full`, so that every model is compiled"


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """`mart.fct_dossier` and a column of it."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """A column of a model, the expression that makes it, and the columns in it; of what no model makes, no expression."""

    column: Column
    expression: str
    made_of: tuple[Column, ...]


class Lineage:
    """The models of one build.

    Args:
        target_path: dbt's folder of that build.
        schema: the columns of every table, by schema and table, as `read_schema` gives them.

    Raises:
        OnestopError: nothing was built there.
    """

    def __init__(self, target_path: Path, schema: Schema) -> None:
        self._target, self._schema = target_path, schema
        self._parsed: dict[str, Any] = {}
        self._steps: dict[Column, Step] = {}

    def trace(self, column: Column) -> list[Step]:
        """The column and all that it is made of, down to raw and seeds; each once, nearest first.

        Raises:
            ConfigurationError: there is no such table or column.
            OnestopError: a model's SQL cannot be taken apart.
        """
        if column.name not in self._columns(column.table):
            known = ", ".join(sorted(self._columns(column.table)))
            raise ConfigurationError(
                f"{column.table} has no column {column.name!r}", next_step=f"choose one of: {known}"
            )
        steps: dict[Column, Step] = {}
        waiting = [column]
        while waiting:
            now = waiting.pop(0)
            if now not in steps:
                steps[now] = self.step(now)
                waiting += steps[now].made_of
        return list(steps.values())

    def step(self, column: Column) -> Step:
        """One step back. Raises as `trace`."""
        if column not in self._steps:
            self._steps[column] = self._step(column)
        return self._steps[column]

    @cached_property
    def _files(self) -> dict[str, Path]:
        try:
            manifest = json.loads((self._target / "manifest.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise OnestopError("the models have not been built yet", next_step=_BUILD_FIRST) from None
        project = manifest["metadata"]["project_name"]
        return {
            f"{node['schema']}.{node['alias']}": self._target / "compiled" / project / node["original_file_path"]
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model"
        }

    def _columns(self, table: str) -> Mapping[str, str]:
        schema, _, name = table.partition(".")
        found: Mapping[str, str] | None = self._schema.get(schema, {}).get(name)
        if found is None:
            raise ConfigurationError(
                f"there is no table {table!r}",
                next_step="write it with its schema, for example mart.quarterly_metric.value",
            )
        return found

    def _step(self, column: Column) -> Step:
        if column.table not in self._files:
            return Step(column, "", ())
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
        from sqlglot.lineage import lineage

        query, scope = self._taken_apart(column.table)
        try:
            node = lineage(column.name, query, schema=self._schema, scope=scope, dialect="postgres", trim_selects=False)
        except (SqlglotError, ValueError) as problem:
            raise OnestopError(f"{column}: its SQL cannot be taken apart ({str(problem)[:200]})") from None
        made_of = {
            Column(f"{leaf.expression.db}.{leaf.expression.name}", leaf.name.rpartition(".")[2].strip('"'))
            for leaf in node.walk()
            if isinstance(leaf.expression, exp.Table) and leaf.expression.db
        }
        return Step(column, node.expression.sql(dialect="postgres"), tuple(sorted(made_of)))

    def _taken_apart(self, table: str) -> Any:
        if table not in self._parsed:
            from sqlglot import parse_one
            from sqlglot.errors import SqlglotError
            from sqlglot.optimizer.qualify import qualify
            from sqlglot.optimizer.scope import build_scope

            try:
                text = self._files[table].read_text(encoding="utf-8")
            except FileNotFoundError:
                raise OnestopError(f"the model {table} was never compiled", next_step=_BUILD_FIRST) from None
            try:
                query = qualify(
                    _with_named_columns(parse_one(text, dialect="postgres")),
                    schema=self._schema,
                    dialect="postgres",
                    validate_qualify_columns=False,
                    identify=False,
                )
            except SqlglotError as problem:
                raise OnestopError(f"{table}: its SQL cannot be taken apart ({str(problem)[:200]})") from None
            self._parsed[table] = query, build_scope(query)
        return self._parsed[table]


def _with_named_columns(query: Any) -> Any:
    """PostgreSQL lets `unnest(list) as code` be a table and its column of that name; said here, since sqlglot asks."""
    from sqlglot import exp

    for call in query.find_all(exp.Unnest):
        alias = call.args.get("alias")
        if alias and alias.this and not alias.columns:
            alias.set("columns", [exp.to_identifier(alias.name)])
    return query


def read_schema(connection: psycopg.Connection[Any]) -> Schema:
    """The columns of every table and view."""
    found: Schema = {}
    for schema, table, column, kind in connection.execute(_COLUMNS):
        found.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return found


def parse_column(text: str) -> Column:
    """`mart.quarterly_metric.value`; without a schema, the mart's.

    Raises:
        ConfigurationError: it is no column.
    """
    parts = text.split(".")
    if len(parts) == 2:
        parts = ["mart", *parts]
    if len(parts) != 3 or not all(parts):
        raise ConfigurationError(f"{text!r} is no column", next_step="write it like mart.quarterly_metric.value")
    return Column(f"{parts[0]}.{parts[1]}", parts[2])


def origins(steps: list[Step]) -> Iterator[Column]:
    """What no model makes: delivered fields, seeds, the ledger."""
    return (step.column for step in steps if not step.expression)


def meaning(column: Column) -> str:
    """What dbt's documents say of a column; empty where they say nothing."""
    import yaml

    for file in sorted((resource("dbt_project") / "models").rglob("*.yml")):
        for model in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("models") or []:
            if model["name"] == column.table.partition(".")[2]:
                for one in model.get("columns") or []:
                    if one["name"] == column.name:
                        return str(one.get("description") or "")
    return ""
