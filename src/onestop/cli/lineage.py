"""`onestop lineage`: what a column is made of, down to the fields that sources delivered."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from onestop import config
from onestop.cli.output import console, print_json
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json

if TYPE_CHECKING:
    from onestop.transform.lineage import Column, Step

_MOST_CHARACTERS = 160


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(lineage)


def lineage(
    column: Annotated[str, typer.Argument(help="TABLE.COLUMN with its schema; without one: mart.")],
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """What a column is made of: model by model, with the expression, down to the fields that sources delivered.

    Example: onestop lineage mart.fct_dossier.due_on
    """
    settings = config.load(config_file)
    from onestop.transform.lineage import Lineage, meaning, origins, parse_column, read_schema
    from onestop.warehouse.connection import connect, warehouse_dsn

    wanted = parse_column(column)
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        schema = read_schema(connection)
    steps = Lineage(settings.local / "dbt", schema).trace(wanted)
    delivered = sorted(str(one) for one in origins(steps))
    if as_json:
        print_json(
            {
                "column": str(wanted),
                "meaning": meaning(wanted),
                "steps": [
                    {"column": str(s.column), "expression": s.expression, "made_of": [str(one) for one in s.made_of]}
                    for s in steps
                ],
                "origins": delivered,
            }
        )
        return
    if said := meaning(wanted):
        console.print(escape(said), highlight=False)
    by_column = {step.column: step for step in steps}
    tree = Tree(_said(by_column[wanted]))
    _grow(tree, by_column[wanted], by_column, {wanted})
    console.print(tree)
    console.print(f"from {', '.join(delivered) or 'no delivered field'}", highlight=False, soft_wrap=True)


def _grow(tree: Tree, step: Step, steps: dict[Column, Step], shown: set[Column]) -> None:
    """Each column's own parts once: where it comes up again, its name alone."""
    for column in step.made_of:
        if column in shown:
            tree.add(f"{column} (above)")
            continue
        shown.add(column)
        _grow(tree.add(_said(steps[column])), steps[column], steps, shown)


def _said(step: Step) -> str:
    text = " ".join(step.expression.split())
    short = text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"
    return escape(f"{step.column}  {short}" if short else str(step.column))
