"""Tables of the documents agree with what they describe: rules, fields, configuration, variables, metrics, contract."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from onestop.config import OneStopApiSource, Settings
from onestop.quality.rules import reference_rules, rules_for
from onestop.sources.reference import FILES
from onestop.specs import load_spec

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\b(?:ONESTOP|DBT_ENV)_[A-Z_]*[A-Z]\b")


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def table(name: str, first: str) -> list[tuple[str, ...]]:
    """The rows of the table whose head begins with this cell."""
    lines = iter(text(name).splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append(tuple(cell.strip().replace("`", "") for cell in line[1:].rstrip().removesuffix("|").split("|")))
    return found


def test_rules() -> None:
    """All tables of rules.md together, in its order."""
    books = [
        rules_for(*name)
        for name in (("one_stop", "dossier"), ("portal", "dossier"), ("portal", "payment"), ("portal", "rating"))
    ]
    books.append(rules_for("feedback", "feedback_case"))
    kinds = ("agency", "procedure", "agency_succession", "working_day_exception", "document_statistic")
    rules = [rule for book in (*books, *map(reference_rules, kinds)) if book for rule in book.rules]
    lines = [line for line in text("rules.md").splitlines() if re.match(r"\| [A-Z]{2}-\d{3} \|", line)]
    shown = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    assert shown == [(r.id, r.action, r.message_en, r.owner) for r in rules]


def test_fields_of_a_dossier() -> None:
    spec = load_spec("one_stop_dossier")
    wanted = []
    for item in spec.fields:
        kept = f"{item.personal}: {'keyed hash' if item.keep == 'keyed_hash' else 'dropped'}" if item.personal else ""
        wanted.append((item.field, item.kind, item.column or "", "yes" if item.field in spec.required else "", kept))
        for part in item.items:
            dropped = f"{part.personal}: dropped" if part.personal else ""
            wanted.append((f"{item.field}[].{part.field}", part.kind, "" if dropped else "in the list", "", dropped))
    assert table("sources.md", "field") == wanted


def test_the_contract_has_the_fields() -> None:
    contract = yaml.safe_load(text("contracts/one_stop_api.yaml"))["components"]["schemas"]["Dossier"]
    spec = load_spec("one_stop_dossier")
    assert list(contract["properties"]) == [item.field for item in spec.fields]
    assert contract["required"] == list(spec.required)
    parts = {
        name: schema
        for field, schema in contract["properties"].items()
        for name, schema in {field: schema, **schema.get("items", {}).get("properties", {})}.items()
    }
    assert {name for name, schema in parts.items() if "x-personal-data" in schema} <= spec.personal_fields


def test_reference_files() -> None:
    contract = text("contracts/reference_data.md")
    documented = {row[0]: row for row in table("sources.md", "file")}
    assert set(documented) == {kind.name for kind in FILES}
    for kind in FILES:
        assert f"| `{kind.name}` | {', '.join(kind.columns)} |" in contract
        assert documented[kind.name][1:3] == ("yes" if kind.mandatory else "no", ", ".join(kind.needed))


def keys(model: type[BaseModel], prefix: str) -> dict[str, str]:
    """Keys of a part of province.yml with their defaults, as the document writes them."""
    found = {}
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= keys(kind, f"{name}.")
        elif name != "file":
            found[prefix + name] = "required" if info.is_required() else str(info.default).replace("None", "none")
    return found


def test_every_key_with_its_default() -> None:
    wanted = keys(Settings, "") | keys(OneStopApiSource, "sources[].")
    numbers = {"sources[].timeout_seconds": "30", "sources[].retry_budget_seconds": "300"}
    assert {row[0]: row[1] for row in table("configuration.md", "key")} == {**wanted, **numbers}
    assert (OneStopApiSource.model_fields["timeout_seconds"].default, 300.0) == (
        30,
        OneStopApiSource.model_fields["retry_budget_seconds"].default,
    )


def test_every_variable() -> None:
    folders: list[Any] = [*(ROOT / "src").rglob("*.py"), *(ROOT / "dags").glob("*.py"), ROOT / "tests/conftest.py"]
    used = {name for file in folders for name in VARIABLE.findall(file.read_text(encoding="utf-8"))}
    used -= {"ONESTOP_DEMO_WAREHOUSE_DSN"}  # never to be set: it keeps a province's own DSN out of the demo
    assert len(used) > 5
    assert used <= set(VARIABLE.findall(text("configuration.md")))


def test_metrics() -> None:
    with (ROOT / "dbt_project/seeds/metric_definition.csv").open(encoding="utf-8", newline="") as file:
        registry = list(csv.DictReader(file))
    keys = ("metric_code", "name_vi", "numerator", "denominator")
    assert table("metrics.md", "metric") == [tuple(row[key] for key in keys) for row in registry]
    named: set[str] = set()
    for row in table("metrics.md", "column"):
        first, *rest = [code.strip() for code in row[1].split(",")]
        stem = first.rpartition("_")[0]
        named |= {first, *(stem + code if code.startswith("_") else code for code in rest)}
    assert named == {row["metric_code"] for row in registry if row["family"] == "form"}


def test_parts_of_the_scores() -> None:
    with (ROOT / "dbt_project/seeds/score_766_part_definition.csv").open(encoding="utf-8", newline="") as file:
        parts = [
            tuple(
                row[key].replace("_out", " out")
                for key in ("part_code", "maximum", "full_at", "when_empty", "exists_at")
            )
            for row in csv.DictReader(file)
        ]
    assert table("metrics.md", "part") == parts
