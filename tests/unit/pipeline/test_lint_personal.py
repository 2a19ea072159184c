"""The register of personal data holds, and every way to carry some past it is noticed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from onestop.pipeline import lint_personal
from onestop.pipeline.lint_personal import REGISTER, found, problems, read_models
from onestop.resources import resource
from onestop.specs import FOLDER, Item, load_spec
from onestop.warehouse.migrations import FOLDER as MIGRATIONS

Given = dict[str, Any]


@pytest.fixture(scope="module")
def given() -> Given:
    return {
        "register": yaml.safe_load(REGISTER.read_text(encoding="utf-8")),
        "specs": [load_spec(path.stem) for path in sorted(FOLDER.glob("*.yml"))],
        "migrations": [(path.name, path.read_text(encoding="utf-8")) for path in sorted(MIGRATIONS.glob("*.sql"))],
        "models": read_models(resource("dbt_project")),
        "reports": {"page.py": "select dossier_code from mart.fct_dossier"},
    }


def test_the_project_keeps_its_register() -> None:
    assert found() == []


def test_the_register_is_long_enough_to_mean_something(given: Given) -> None:
    assert len(given["register"]["fields"]) >= 13
    assert len(given["models"]) > 80


def without(given: Given, kind: str, place: str) -> None:
    del given["register"][kind][place]


def extra_field(given: Given) -> None:
    spec = given["specs"][0]
    item = Item(field="NgaySinh", kind="text", personal="birthday")
    given["specs"][0] = spec.model_copy(update={"fields": (*spec.fields, item)})


def extra_column(given: Given) -> None:
    given["migrations"].append(("0099_x.sql", "create table raw.visit (\n    batch_id bigint, so_dien_thoai text\n);"))


def model(schema: str, text: str) -> Callable[[Given], None]:
    def add(given: Given) -> None:
        given["models"]["new_model"] = (schema, text)

    return add


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: without(g, "fields", "one_stop_dossier.ChuHoSo"), "one_stop_dossier.ChuHoSo holds personal data"),
        (lambda g: without(g, "columns", "raw.one_stop_dossier.so_dinh_danh_hash"), "so_dinh_danh_hash looks personal"),
        (lambda g: without(g, "columns", "ops.audit.by_whom"), "ops.audit.by_whom looks personal"),
        (lambda g: without(g, "readers", "int_question__reentered"), "int_question__reentered.sql: applicant_hash"),
        (extra_field, "NgaySinh holds personal data and is not registered"),
        (extra_column, "raw.visit.so_dien_thoai looks personal and is not registered"),
        (model("mart", "select applicant_hash from x"), "new_model.sql: applicant_hash in a public model"),
        (model("mart", "select a.applicant_phone from x as a"), "new_model.sql: applicant_phone in a public model"),
        (model("staging", "select so_dinh_danh_hash as key from x"), "new_model.sql: so_dinh_danh_hash looks personal"),
        (lambda g: g["reports"].update({"page.py": "applicant_hash"}), "page.py: reads applicant_hash"),
        (lambda g: g["register"]["columns"].update({"raw.gone.x": g["register"]["columns"]["ops.audit.by_whom"]}),
         "register: raw.gone.x does not exist"),
        (lambda g: g["register"]["fields"]["one_stop_dossier.Email"].pop("retention"), "wants exactly"),
        (lambda g: g["register"]["fields"]["one_stop_dossier.Email"].update(basis="none"), "is not explained"),
        (lambda g: g["register"]["fields"]["one_stop_dossier.Email"].update(holds="phone"), "holds e-mail, says"),
    ],
)  # fmt: skip
def test_what_is_not_registered_is_named(given: Given, change: Callable[[Given], None], said: str) -> None:
    changed = {**copy.deepcopy({k: v for k, v in given.items() if k != "specs"}), "specs": list(given["specs"])}
    assert list(problems(**changed)) == []
    change(changed)
    assert any(said in problem for problem in problems(**changed)), list(problems(**changed))


def test_a_comment_or_a_text_carries_nothing(given: Given) -> None:
    changed = dict(given, models={**given["models"], "new_model": ("mart", "-- no phone\nselect 'email' as kind")})
    assert list(problems(**changed)) == []


def test_the_command_ends_with_1_and_names_the_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint_personal, "found", lambda: ["x.sql: phone in a public model"])
    with pytest.raises(SystemExit) as end:
        lint_personal.main()
    assert (end.value.code, capsys.readouterr().err) == (1, "x.sql: phone in a public model\n")
