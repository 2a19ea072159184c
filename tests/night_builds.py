"""Night after night beside one whole build, cheaply: the SQL that dbt compiled of the models, run as dbt would run it.

A build of the whole project leaves its compiled SQL behind, once for all of the history and once for what changed.
`Nights` runs the models that keep their rows, and all that those stand on, in a database of its own: a second or so
for what takes dbt half a minute. Hooks and tables are handled as dbt's materialisations do; each model is one transaction.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from onestop.warehouse.connection import connect

# What keeps its rows from night to night, and what is made of it at units and periods.
ENDS = (
    *("fct_dossier", "int_metric__unit_cell", "int_metric__processing_percentile", "int_metric__online_procedure"),
    *("int_metric__fee_procedure", "int_dossier__contribution", "int_reconciliation__month_cell"),
    *("reconciliation_dossier", "lateness_disagreement", "quarterly_metric", "metric_rank", "metric_consequence"),
)
COMPARED = (
    *(("mart", "fct_dossier"), ("intermediate", "int_metric__unit_cell"), ("intermediate", "int_period__period")),
    *(("intermediate", name) for name in ("int_metric__processing_percentile", "int_metric__online_procedure")),
    *(("intermediate", name) for name in ("int_metric__fee_procedure", "int_metric__procedure_life")),
    *(("intermediate", name) for name in ("int_dossier__link", "int_dossier__winner", "int_dossier__contribution")),
    *(("intermediate", name) for name in ("int_portal__payment", "int_portal__rating", "int_dossier__working_time")),
    *(("intermediate", f"int_reconciliation__{name}") for name in ("pair", "silent", "history", "cause", "month_cell")),
    *(("mart", name) for name in ("reconciliation_dossier", "lateness_disagreement")),
    ("intermediate", "int_quarantine__possible"),
    *(("mart", name) for name in ("quarterly_metric", "metric_rank", "metric_consequence")),
)
SEEDS = (
    *("national_working_day_exception", "reconciliation_cause", "metric_definition"),
    "score_766_part_definition",
)
_MOMENT = re.compile(r"cast\('[^']*' as timestamptz\)")
_HOOK = re.compile(r"(forget_changed|forget_all|forget_moved|forget_uncertain|drop_empty)\((.*?)\) *\}\}", re.DOTALL)


@dataclass(frozen=True)
class Model:
    """One model as the manifest has it, with its SQL for the whole history and for what changed."""

    name: str
    schema: str
    materialized: str
    unique_key: list[str]
    hooks: dict[str, list[str]]
    whole: str
    change: str

    def text(self, *, whole: bool, known_at: datetime) -> str:
        """The SQL for a moment."""
        said = self.whole if whole else self.change
        if self.name == "int_build__moment":
            said, times = _MOMENT.subn(f"cast('{known_at.isoformat()}' as timestamptz)", said)
            assert times == 1
        return said


def read_models(target: Path, whole: Path, change: Path) -> list[Model]:
    """The models above ENDS in their order, out of a manifest and two folders of compiled SQL."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    nodes = {n["unique_id"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    done: dict[str, Model] = {}

    def visit(unique_id: str) -> None:
        node = nodes.get(unique_id)
        if node is None or unique_id in done:
            return
        for upstream in node["depends_on"]["nodes"]:
            visit(upstream)
        key = node["config"].get("unique_key") or []
        hooks = [hook["sql"] for hook in [*node["config"]["pre-hook"], *node["config"]["post-hook"]]]
        found = [(name, re.findall(r"'(\w+)'", given)) for hook in hooks for name, given in _HOOK.findall(hook)]
        done[unique_id] = Model(
            name=node["name"],
            schema=node["schema"],
            materialized=node["config"]["materialized"],
            unique_key=[key] if isinstance(key, str) else key,
            hooks=dict(found),
            whole=(whole / node["original_file_path"]).read_text(encoding="utf-8"),
            change=(change / node["original_file_path"]).read_text(encoding="utf-8"),
        )

    for name in ENDS:
        visit(f"model.onestop.{name}")
    return list(done.values())


def keep_compiled(target: Path, name: str) -> Path:
    """Put a build's compiled SQL aside, before the next one writes over it."""
    kept = target.with_name(f"{target.name}-{name}")
    shutil.copytree(target / "compiled" / "onestop", kept)
    return kept


class Nights:
    """A database whose models are built night after night, and whole beside that in schemas with a prefix."""

    def __init__(self, dsn: str, models: list[Model], built_in: str) -> None:
        """`built_in`: the database that the SQL was compiled for."""
        self.dsn, self.models, self._built_in = dsn, models, built_in

    def take_seeds(self, other: str) -> None:
        """The seeds that these models read, out of the database that dbt filled."""
        with closing(connect(other)) as there, closing(connect(self.dsn, autocommit=True)) as here:
            for schema in ("intermediate", "whole_intermediate", "mart", "whole_mart", "staging", "whole_staging"):
                here.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
            for seed in SEEDS:
                found = there.execute(sql.SQL("select * from {}").format(sql.Identifier("intermediate", seed)))
                rows = found.fetchall()
                types = {16: "boolean", 23: "int", 1082: "date", 1700: "numeric"}
                columns = ", ".join(f"{c.name} {types.get(c.type_code, 'text')}" for c in found.description or ())
                for schema in ("intermediate", "whole_intermediate"):
                    table = sql.Identifier(schema, seed)
                    here.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(columns)))
                    marks = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
                    here.cursor().executemany(sql.SQL("insert into {} values ({})").format(table, marks), rows)

    def build(self, known_at: datetime, *, whole: bool, prefix: str = "") -> None:
        """Every model once."""
        with closing(connect(self.dsn, autocommit=True)) as connection:
            for model in self.models:
                text = self._placed(model.text(whole=whole, known_at=known_at), prefix)
                with connection.transaction():
                    self._one(connection, model, f'"{prefix}{model.schema}"."{model.name}"', text, whole)

    def _placed(self, text: str, prefix: str) -> str:
        name = psycopg.conninfo.conninfo_to_dict(self.dsn)["dbname"]
        text = text.replace(f'"{self._built_in}".', f'"{name}".')
        return re.sub(r'"(staging|intermediate|mart)"\.', rf'"{prefix}\1".', text)

    def _one(self, connection: psycopg.Connection[Any], model: Model, name: str, text: str, whole: bool) -> None:
        def do(statement: str) -> None:
            connection.execute(statement.encode())

        if model.materialized == "view":
            do(f"drop view if exists {name} cascade")
            do(f"create view {name} as {text}")
        elif whole or model.materialized == "table":
            do(f"create temporary table made on commit drop as {text}")
            do(f"drop table if exists {name} cascade")
            do(f"create table {name} as select * from made")
        else:
            if forget := model.hooks.get("forget_changed"):
                column, *of = forget
                do(f"delete from {name} where {column} in (select dossier_code from {_beside(name, *of)})")
            if "forget_all" in model.hooks:
                do(f"delete from {name}")
            if "forget_uncertain" in model.hooks:
                changed = _beside(name, "int_quarantine__changed")
                do(f"delete from {name} where dossier_key in (select dossier_key from {changed} where is_changed)")
            if "forget_moved" in model.hooks:
                moved = _beside(name, *(model.hooks["forget_moved"] or ["int_metric__moved"]))
                keys = "period_convention, period, org_view, agency_code, field_code"
                do(f"delete from {name} where ({keys}) in (select {keys} from {moved} where is_moved)")
            do(f"create temporary table made on commit drop as {text}")
            if model.unique_key:
                keys = ", ".join(model.unique_key)
                do(f"delete from {name} where ({keys}) in (select {keys} from made)")
            do(f"insert into {name} select * from made")
            if counts := model.hooks.get("drop_empty"):
                do(f"delete from {name} where {' = 0 and '.join(counts)} = 0")


def _beside(table: str, codes: str = "int_dossier__changed") -> str:
    """The codes that a build made anew, of the same schemas as a table."""
    return f"{table.split('.')[0].replace('mart', 'intermediate')}.{codes}"


def differences(dsn: str, prefix: str, tables: Iterable[tuple[str, str]]) -> dict[str, list[Any]]:
    """Rows of a table that its twin in the schemas with the prefix does not have, and the other way round.

    Of places what their numbers stand for is compared: a place keeps its own from build to build.
    """
    found: dict[str, list[Any]] = {}
    with closing(connect(dsn, autocommit=True)) as connection:
        for schema, table in tables:
            names = connection.execute(
                "select column_name from information_schema.columns where (table_schema, table_name) = (%s, %s)"
                " order by ordinal_position",
                [schema, table],
            ).fetchall()
            here, there = (
                sql.SQL("select {} from {} as kept").format(
                    sql.SQL(", ").join(_shown(name, beside) for (name,) in names),
                    sql.Identifier(beside + schema, table),
                )
                for beside in ("", prefix)
            )
            rows = connection.execute(
                sql.SQL(
                    "(select 'only followed', d.* from ({0} except all {1}) as d)"
                    " union all (select 'only whole', d.* from ({1} except all {0}) as d)"
                ).format(here, there)
            ).fetchmany(6)
            if rows:
                found[f"{schema}.{table}"] = list(rows)
    return found


def _shown(column: str, prefix: str) -> sql.Composable:
    """A column of a table; of the number of a place the place."""
    if not column.endswith("place_id"):
        return sql.Identifier(column)
    return sql.SQL(
        "(select (place.agency_code, place.received_from, place.received_to, place.current_agency_code)::text"
        " from {} as place where place.place_id = kept.{}) as {}"
    ).format(
        sql.Identifier(f"{prefix}intermediate", "int_agency__place"), sql.Identifier(column), sql.Identifier(column)
    )


def public_tables(dsn: str) -> list[tuple[str, str]]:
    """Every table and view of the schemas mart and report."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('mart', 'report') order by 1, 2"
        ).fetchall()
