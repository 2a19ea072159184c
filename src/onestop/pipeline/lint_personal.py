"""`python -m onestop.pipeline.lint_personal`: hold the register of personal data against what could carry some.

The register (sources/personal_data.yml) names every place with purpose, legal basis, retention and protection. Looked at
are the specifications' personal fields, the columns that migrations make, the dbt models, and the code of reports.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from onestop.resources import resource
from onestop.specs import FOLDER as SPECS
from onestop.specs import EntitySpec, load_spec
from onestop.warehouse.migrations import FOLDER as MIGRATIONS

REGISTER = SPECS.parent / "personal_data.yml"
REPORTS = SPECS.parents[1] / "reporting"
_FACTS = {"holds", "purpose", "basis", "retention", "protection"}
# Words in the name of a column by which it looks like holding something about a person.
_LOOKS = re.compile(
    r"\b(?!(?:content|sha)_)(?:[a-z0-9_]*(?:ho_ten|so_dinh_danh|dien_thoai|dia_chi|chu_ho_so|trich_yeu|applicant_name"
    r"|applicant_hash|identity_number|phone|email|full_name|birth|citizen)[a-z0-9_]*"
    r"|by_whom|[a-z]+ed_by|address)\b"
)
_TABLE = re.compile(r"create table ([a-z_]+)\.([a-z0-9_]+) \((.*?)\n\);", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}|'(?:[^']|'')*'", re.DOTALL)
# How an identity was checked, and by how much something was late, says nothing about a person.
_HARMLESS = frozenset({"is_identity_verified", "delayed_by"})


def problems(
    register: Mapping[str, Any],
    specs: Iterable[EntitySpec],
    migrations: Iterable[tuple[str, str]],
    models: Mapping[str, tuple[str, str]],
    reports: Mapping[str, str],
) -> Iterator[str]:
    """Every mistake, each with its place.

    Args:
        register: the content of personal_data.yml.
        migrations: name and text of each migration.
        models: schema and SQL of each dbt model, by name.
        reports: text of each module that writes what leaves the office, by name.
    """
    places = {**register["fields"], **register["columns"]}
    for place, facts in places.items():
        if set(facts) != _FACTS or not all(facts.values()):
            yield f"register: {place}: wants exactly {', '.join(sorted(_FACTS))}"
        elif facts["basis"] not in register["bases"] or facts["protection"] not in register["protections"]:
            yield f"register: {place}: its basis or protection is not explained there"
    yield from _fields(register, specs)
    columns = set(register["columns"])
    made = set()
    for name, text in migrations:
        for schema, table, body in _TABLE.findall(text):
            plain = _COMMENT.sub(" ", body)
            made |= {f"{schema}.{table}.{word}" for word in re.findall(r"\b[a-z][a-z0-9_]*\b", plain)}
            for column in sorted(set(_LOOKS.findall(plain))):
                if f"{schema}.{table}.{column}" not in columns:
                    yield f"{name}: {schema}.{table}.{column} looks personal and is not registered"
    yield from _models(register, models)
    carried = {f"{schema}.{name}" for name, (schema, _) in models.items()}
    for place in sorted(columns):
        if place not in made and place.rpartition(".")[0] not in carried:
            yield f"register: {place} does not exist"
    ours = {place.rpartition(".")[2] for place in columns if register["columns"][place]["protection"] == "hashed"}
    for name, text in reports.items():
        for word in sorted(ours & set(re.findall(r"\b[a-z][a-z0-9_]*\b", text))):
            yield f"{name}: reads {word}, which may leave no office"


def _fields(register: Mapping[str, Any], specs: Iterable[EntitySpec]) -> Iterator[str]:
    there = {}
    for spec in specs:
        name = "feedback_case" if spec.family == "feedback" else spec.name
        for item in (i for f in spec.fields for i in (f, *f.items) if i.personal):
            there[f"{name}.{item.field}"] = item.personal
    for place in sorted(there.keys() | register["fields"].keys()):
        if place not in register["fields"]:
            yield f"{place} holds personal data and is not registered"
        elif place not in there:
            yield f"register: {place} is no personal field of a specification"
        elif register["fields"][place]["holds"] != there[place]:
            yield f"register: {place} holds {there[place]}, says its specification"


def _models(register: Mapping[str, Any], models: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    known = {place.rpartition(".")[2] for place in register["columns"]}
    for name, (schema, text) in models.items():
        plain = _COMMENT.sub(" ", text)
        for word in sorted({*_LOOKS.findall(plain), *(known & set(re.findall(r"\b[a-z0-9_]+\b", plain)))} - _HARMLESS):
            is_carried = any(place.startswith(f"{schema}.{name}.") for place in register["columns"])
            if schema in ("mart", "report"):
                yield f"{name}.sql: {word} in a public model"
            elif not is_carried and name not in register["readers"]:
                yield f"{name}.sql: {word} looks personal, and the model is not registered"


def read_models(folder: Path) -> dict[str, tuple[str, str]]:
    """Schema and SQL of every model of a dbt project."""
    schemas = {"marts": "mart", "reports": "report"}
    return {
        path.stem: (schemas.get(layer, layer), path.read_text(encoding="utf-8"))
        for path in sorted((folder / "models").rglob("*.sql"))
        for layer in [path.relative_to(folder / "models").parts[0]]
    }


def found() -> list[str]:
    """Every mistake of this project."""
    return list(
        problems(
            yaml.safe_load(REGISTER.read_text(encoding="utf-8")),
            [load_spec(path.stem) for path in sorted(SPECS.glob("*.yml"))],
            [(path.name, path.read_text(encoding="utf-8")) for path in sorted(MIGRATIONS.glob("*.sql"))],
            read_models(resource("dbt_project")),
            {path.name: path.read_text(encoding="utf-8") for path in sorted(REPORTS.rglob("*.py"))},
        )
    )


def main() -> None:
    """Check, say, end."""
    wrong = found()
    for problem in wrong:
        sys.stderr.write(f"{problem}\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
