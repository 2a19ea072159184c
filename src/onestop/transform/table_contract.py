"""`python -m onestop.transform.table_contract > docs/contracts/bi_tables.md`: the public tables as the dbt project declares them.

Names, types and meaning of every column of mart and report, whether it may be empty, and what a unit's login sees.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from onestop.resources import resource
from onestop.warehouse.rights import declaration

_HEAD = """\
# Public tables

Generated from the dbt project (`python -m onestop.transform.table_contract`); a test holds this page against it. dbt refuses
to build a table of another shape. How tools read them: [BI](../bi.md). What changes, and how it is announced:
[there too](../bi.md#what-may-change). `published` holds editions in the same columns, with `edition_id` before them:
[editions](../editions.md).
"""


def page(project: Path) -> str:
    """The page, as Markdown."""
    return "\n".join(_lines(project)) + "\n"


def _lines(project: Path) -> Iterator[str]:
    yield _HEAD.rstrip()
    for layer, schema in (("marts", "mart"), ("reports", "report")):
        models: list[dict[str, Any]] = []
        for path in sorted((project / "models" / layer).rglob("*.yml")):
            models += yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or []
        for model in sorted(models, key=lambda one: str(one["name"])):
            yield from _table(schema, model)


def _table(schema: str, model: dict[str, Any]) -> Iterator[str]:
    rights = declaration().of(schema, model["name"])
    unit = rights.get("bi_agency")
    sees = "nothing" if unit is None or not unit.privileges else "all rows"
    if unit is not None and unit.unit_column:
        sees = f"rows with its own `{unit.unit_column}`"
    yield from (
        "",
        f"## {schema}.{model['name']}",
        "",
        _text(model["description"]),
        "",
        f"A unit's login sees {sees}.",
        "",
    )
    yield from ("| column | type | may be empty | |", "|---|---|---|---|")
    for column in model["columns"]:
        is_filled = any(one["type"] in ("not_null", "primary_key") for one in column.get("constraints") or [])
        yield (
            f"| {column['name']} | {column['data_type']} | {'' if is_filled else 'yes'} | {_text(column['description'])} |"
        )


def _text(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(page(resource("dbt_project")))


if __name__ == "__main__":
    main()
