"""The page of the public tables is the one that the dbt project gives."""

from __future__ import annotations

from pathlib import Path

from onestop.resources import resource
from onestop.transform.table_contract import page

PAGE = Path(__file__).parents[3] / "docs" / "contracts" / "bi_tables.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(resource("dbt_project")), (
        "run: python -m onestop.transform.table_contract > docs/contracts/bi_tables.md"
    )


def test_it_has_every_table_with_its_columns() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("\n## mart.") + text.count("\n## report.") >= 25
    assert "| on_time_rate |" not in text
    assert "\n| dossier_code | text |  | " in text
