"""Figures that provinces have published: every row that contradicts itself is found, and no other."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from onestop.cli.app import app
from onestop.reporting.published_check import check_file
from worlds import needs_shared

FILE = needs_shared("golden") / "published_figures.json"


def test_every_inconsistent_row_is_found_and_no_consistent_one() -> None:
    content = {name: row for name, row in json.loads(FILE.read_text(encoding="utf-8")).items() if name != "_"}
    expected = {name for name, row in content.items() if row.get("reconciles") is False}
    checked = check_file(FILE)
    assert expected == {"lam_dong_2020_q1"}
    assert (checked.rows, {row.row for row in checked.inconsistent}) == (len(content), expected)
    # 643,272 + 7,172 = 650,444, not 659,245; 635,593 + 7,677 = 643,270, not 643,272
    assert [(r.rule, r.difference) for r in checked.inconsistent[0].reasons] == [
        ("7 = (8 + 9) + 10", 2),
        ("3 = 7 + 11", 8801),
    ]


def test_the_command_lists_them_and_exits_1() -> None:
    answer = CliRunner().invoke(app, ["check-published", str(FILE)])
    assert answer.exit_code == 1
    assert "lam_dong_2020_q1" in answer.stdout
    assert "643,272 + in_progress_total 7,172 = 650,444" in answer.stdout
    assert not any(name in answer.stdout for name in ("dak_nong", "phu_tho", "meeting", "lam_dong_2024"))
    answer = CliRunner().invoke(app, ["check-published", str(FILE), "--json"])
    assert (answer.exit_code, [row["row"] for row in json.loads(answer.stdout)["inconsistent"]]) == (
        1,
        ["lam_dong_2020_q1"],
    )
