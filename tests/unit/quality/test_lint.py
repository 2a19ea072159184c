"""Expectation files with a mistake of every kind fail the lint, each named with its file and rule."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from onestop.pipeline.lint_rules import main, problems
from onestop.resources import resource

ONE_STOP, PAYMENT, AGENCY = "one_stop/dossier.yml", "portal/payment.yml", "reference/agency.yml"
KEPT = ("OS-000", "OS-001", "OS-002", "OS-004", "OS-007", "OS-008", "OS-013")
ALL = "    rows: all\n"
NOT_NULL = "{type: expect_column_values_to_not_be_null, column: ma_ho_so}"
BROKEN = [
    (ONE_STOP, f"    owner: agency\n{ALL}", ALL, "row_rules.0.owner: Field required"),
    (ONE_STOP, f"    owner: agency\n{ALL}", f"    owner: nobody\n{ALL}", "row_rules.0.owner"),
    (ONE_STOP, ALL, f"{ALL}    sevrity: high\n", "row_rules.0.sevrity: Extra inputs"),
    (ONE_STOP, "spec: one_stop_dossier\n", "spec: one_stop_dossier\nrules: []\n", "rules: Extra inputs"),
    (ONE_STOP, "    owner: agency\n", "    owner: agency\n    owner: agency\n", "the key owner stands twice"),
    (ONE_STOP, "  - id: OS-002\n", "  - id: OS-001\n", "rule ids used twice: OS-001"),
    (PAYMENT, "  - id: PT-101\n", "  - id: PT-203\n", "PT-203 is used twice: portal/payment.yml, portal/rating.yml"),
    (ONE_STOP, NOT_NULL, NOT_NULL.replace("not_be_null", "not_be_nul"), "OS-001: GX has no expectation"),
    (ONE_STOP, NOT_NULL, NOT_NULL.replace("column:", "colum:"), "OS-001: expect_column_values_to_not_be_null takes no colum"),
    (ONE_STOP, NOT_NULL, NOT_NULL.replace("}", ", mostly: 0.9}"), "OS-001: expect_column_values_to_not_be_null takes no mostly"),
    (ONE_STOP, NOT_NULL, NOT_NULL.replace("ma_ho_so", "ma_hoso"), "OS-001: there is no column or fact ma_hoso"),
    (ONE_STOP, 'row_condition: muc_do == "2"', 'row_condition: mucdo == "2"', "OS-013: there is no column or fact mucdo"),
    (ONE_STOP, "column_B: ngay_ket_thuc_xu_ly__at", "column_B: ngay_ket_thuc__at", "OS-008: there is no column or fact ngay_ket_thuc__at"),
    (ONE_STOP, "    passing: {MaHoSo: ' 000.00.00.g22-240823-0001 '}\n", "", "row_rules.0.passing: Field required"),
    (ONE_STOP, "    failing: {MaHoSo: H15.07/240823/0001}\n", "", "row_rules.0.failing: Field required"),
    (ONE_STOP, "failing: {MaHoSo: H15.07/240823/0001}", "failing: {MaHoso: x}", "OS-001: there is no field MaHoso"),
    (ONE_STOP, "failing: {MaHoSo: H15.07/240823/0001}", "failing: {}", "OS-001: a failing example breaks no rule"),
    (ONE_STOP, "passing: {KenhThucHien: '3'}", "passing: {KenhThucHien: '9'}", "OS-004: its passing example breaks OS-004"),
    (ONE_STOP, "    correct_vi: Ghi kênh thực hiện 1, 2 hoặc 3\n", "", "says in correct_vi what to correct"),
    (ONE_STOP, "least_days: 3}", "least_weeks: 3}", "delivery_rules.0.check.count.least_weeks: Extra inputs"),
    (ONE_STOP, "{type: count,", "{type: cout,", "delivery_rules.0.check"),
    (ONE_STOP, "column: trang_thai_ho_so, points", "column: trang_thai, points", "OS-902: there is no column trang_thai"),
    (ONE_STOP, "failing: {now: 49,", "failing: {now: 50,", "OS-901: its failing example is kept"),
    (ONE_STOP, "passing: {now: 50,", "passing: {now: {a: 1},", "OS-901: its passing example is no example of this check"),
    (ONE_STOP, "judged: 100, failed: 6,", "judged: 99, failed: 6,", "OS-000: its failing example does not stop"),
    (ONE_STOP, "spec: one_stop_dossier", "spec: portal_dossier", "spec portal_dossier is another entity's"),
    (AGENCY, "type: size", "type: count", "delivery_rules.0.check"),
    (AGENCY, "file: agencies.csv", "file: units.csv", "units.csv is not the file of agency"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(resource("expectations"), tmp_path / "expectations")


def test_the_project_s_own_files_have_no_mistake(folder: Path) -> None:
    assert problems(folder) == []
    assert len(list(folder.glob("*/*.yml"))) >= 10


@pytest.mark.parametrize(("file", "before", "after", "said"), BROKEN, ids=[said for *_, said in BROKEN])
def test_a_mistake_is_named(folder: Path, file: str, before: str, after: str, said: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    if file == ONE_STOP:  # few rules are judged faster
        parts = re.split(r"(?m)^(?=  - id: |row_rules:|# A record that)", text)
        text = "".join(p for p in parts if not (p.startswith("  - id: OS-0") and p[8:14] not in KEPT))
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    for other in folder.glob("*/*.yml"):  # one file at a time: the others say only that they are missing
        if other != path and not (said.startswith("PT-203") and other.name == "rating.yml"):
            other.unlink()
    found = [problem for problem in problems(folder) if "is missing: nothing would be judged" not in problem]
    assert any(said in problem for problem in found), found
    assert all(problem.startswith((file, "PT-203")) for problem in found)


def test_a_file_that_nothing_reads_and_one_that_is_missing(folder: Path) -> None:
    (folder / "portal/rating.yml").rename(folder / "portal/ratings.yml")
    for name in ("one_stop/dossier.yml", "portal/dossier.yml", "feedback/feedback_case.yml"):
        (folder / name).write_text("spec: [", encoding="utf-8")
    found = problems(folder)
    assert "portal/ratings.yml: nothing reads it" in found
    assert "portal/rating.yml is missing: nothing would be judged" in found
    assert sum("expectation file" in problem for problem in found) == 3


def test_the_command_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["lint_rules", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert "holds no expectation file" in capsys.readouterr().err


def test_make_lint_runs_it() -> None:
    makefile = resource("expectations").parent / "Makefile"
    assert "$(BIN)/python -m onestop.pipeline.lint_rules" in makefile.read_text(encoding="utf-8")
