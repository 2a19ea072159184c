"""Published rows by hand: each way in which a row can contradict itself, and what must not be taken for one."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from onestop.cli.app import app
from onestop.errors import ConfigurationError
from onestop.reporting.published_check import check_file

FORM = {
    "received_total": 100, "received_online": 40, "received_direct_postal": 50, "received_carried_over": 10,
    "resolved_total": 90, "resolved_early": 30, "resolved_on_time": 55, "resolved_overdue": 5,
    "in_progress_total": 10, "in_progress_within": 8, "in_progress_overdue": 2,
}  # fmt: skip
SCORES: dict[str, Any] = {
    "progress": {"on_time": 403016, "received": 464494, "score": 17.35},
    "dossier_satisfaction": {"ratio": 0.86737, "score": 5.78},
    "feedback_on_time": {"numerator": 300, "denominator": 499, "score": 3.61},
    "feedback_satisfaction": {"numerator": 238, "denominator": 499, "score": 2.86},
    "payment": {"A": [233203, 268066], "B_and_C": [[115, 311], [66, 311]], "score": 6.67},
}


def reasons(tmp_path: Path, row: Any, text: str | None = None) -> list[str]:
    """The broken rules of one row, written to a file and read again."""
    file = tmp_path / "figures.json"
    file.write_text(text or json.dumps({"_": "a note", "row": row}), encoding="utf-8")
    checked = check_file(file)
    return [reason.rule for found in checked.inconsistent for reason in found.reasons]


@pytest.mark.parametrize(
    "row",
    [
        FORM,
        {"resolved_total": 90},
        # Partial rows: null and absent are not published.
        FORM | {"in_progress_within": None, "in_progress_overdue": None},
        {"received_total": 100, "received_online": 40, "received_carried_over": None},
        {"resolved_total": 90, "resolved_early_or_on_time": 85, "resolved_overdue": 5},
        {"resolved_total": 90, "resolved_early_or_on_time": 85, "resolved_early": 30},
        {"received_total": 0, "received_online": 0, "resolved_total": 0},
        # Rates as published, rounded: 85 / 90 = 94.444... %
        FORM | {"on_time_rate_percent": 94.44, "early_rate_percent": 33.3, "overdue_rate_percent": 6},
        FORM | {"on_time_rate": 0.9444, "progress_rate_percent": 93, "online_submission_rate_percent": 44.4},
        {"on_time_rate_percent": 99.51, "some_target_percent": 100, "rate_nobody_knows_percent": 0},
        # Ratios
        {"full_online": [12, 180], "full_online_percent": 6.67},
        {"full_online": [None, 180], "nothing": [0, 0], "periods": ["2024-Q1", "2024-Q2"]} | FORM,
        {"procedures_public": [282, 375], "level_3": 36, "level_2": 339},
        {"apologies": 9, "resolved_overdue": 1},  # those in progress are not published
        SCORES,
        {"satisfaction": {"score": 12.25}} | SCORES,
        SCORES | {"dossier_satisfaction": {"numerator": 0, "denominator": 0, "score": 0}},
        SCORES | {"feedback_on_time": {"numerator": 0, "denominator": 0, "score": 6}},
        SCORES | {"progress": {"score": 17.35}, "unheard_of": {"score": 99}},
        # Which of the two is B does not matter: both orders are right.
        SCORES | {"payment": {"A": [233203, 268066], "B": [66, 311], "C": [115, 311], "score": 6.67}},
        {"payment": {"A": [1, 1], "B": [9, 10], "C": [4, 5], "score": 10}},  # both at their most
        {"payment": {"A": [1, 1], "B": [9, 10], "score": 10}},
        {"data_reuse": {"numerator": 9, "denominator": 10, "score": 2}},
        {"feedback_received_total": 5, "feedback_handled_total": 3, "feedback_in_progress_total": 2},
    ],
)
def test_consistent_rows_are_not_listed(tmp_path: Path, row: dict[str, Any]) -> None:
    assert reasons(tmp_path, row) == []


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        (FORM | {"received_online": 41}, ["3 = 4 + 5 + 6"]),
        (FORM | {"resolved_early": 29}, ["7 = 8 + 9 + 10"]),
        (FORM | {"in_progress_overdue": 3}, ["11 = 12 + 13"]),
        (
            FORM | {"received_total": 101, "received_online": 41},
            ["3 = 7 + 11"],
        ),
        (FORM | {"received_total": 101}, ["3 = 4 + 5 + 6", "3 = 7 + 11"]),
        # Parts that leave no room, though others are not published.
        ({"received_total": 100, "received_online": 101}, ["3 = 4 + 5 + 6"]),
        ({"received_total": 89, "resolved_total": 90}, ["3 = 7 + 11"]),
        ({"resolved_total": 90, "resolved_early_or_on_time": 85, "resolved_overdue": 6}, ["7 = (8 + 9) + 10"]),
        ({"resolved_early_or_on_time": 85, "resolved_early": 30, "resolved_on_time": 56}, ["8 + 9"]),
        # No one identity holds them together: 4 + 5 + 6 = 99, 7 + 11 = 100, the total of both is not published.
        (
            {
                **{"received_online": 39, "received_direct_postal": 50, "received_carried_over": 10},
                **{"resolved_total": 90, "in_progress_total": 10},
            },
            ["3 = 7 + 11"],
        ),
        ({"received_total": -1}, ["received_total"]),
        ({"received_total": "1.219"}, ["received_total"]),
        ({"received_total": 12.5, "resolved_total": True}, ["received_total", "resolved_total"]),
        ({"on_time_rate_percent": 100.1}, ["on_time_rate_percent"]),
        ({"on_time_rate": -0.1, "early_rate": "98 %"}, ["on_time_rate", "early_rate"]),
        (FORM | {"on_time_rate_percent": 94.45}, ["on_time_rate_percent"]),
        (FORM | {"on_time_rate_percent": 95}, ["on_time_rate_percent"]),
        ({"resolved_total": 90, "resolved_early_or_on_time": 85, "on_time_rate": 0.95}, ["on_time_rate"]),
        ({"full_online": [181, 180]}, ["full_online"]),
        ({"full_online": [-1, 180]}, ["full_online"]),
        ({"full_online": [12, 180], "full_online_percent": 6.66}, ["full_online_percent"]),
        ({"procedures_public": [282, 374], "level_3": 36, "level_2": 339}, ["levels are parts of the procedures"]),
        (
            {"apologies": 4, "resolved_overdue": 1, "in_progress_overdue": 2},
            ["apologies is a part of resolved_overdue + in_progress_overdue"],
        ),
        ({"suspended_total": 3, "in_progress_within": 2}, ["suspended_total is a part of in_progress_within"]),
        (SCORES | {"progress": {"on_time": 403016, "received": 464494, "score": 17.36}}, ["progress"]),
        (SCORES | {"progress": {"on_time": 2, "received": 1, "score": 20}}, ["progress.on_time"]),
        (SCORES | {"dossier_satisfaction": {"ratio": 0.86737, "score": 5.79}}, ["dossier_satisfaction"]),
        (SCORES | {"dossier_satisfaction": {"ratio": 86.737, "score": 5.78}}, ["dossier_satisfaction"]),
        (SCORES | {"feedback_on_time": {"numerator": 300, "denominator": 499, "score": 3.6}}, ["feedback_on_time"]),
        ({"feedback_on_time": {"numerator": 0, "denominator": 0, "score": 0}}, ["feedback_on_time"]),
        ({"payment": {"A": [233203, 268066], "B_and_C": [[115, 311], [66, 311]], "score": 6.68}}, ["payment"]),
        ({"payment": {"A": [2, 1], "B_and_C": [[1, 1], [1, 1]], "score": 10}}, ["payment.A"]),
        ({"portal_sync": {"score": 6.01}, "content": {"score": "1,96"}}, ["portal_sync", "content"]),
        ({"satisfaction": {"score": 12.3}} | SCORES, ["satisfaction"]),
        ({"feedback_received_total": 5, "feedback_received_new": 6}, ["feedback received_total"]),
    ],
)
def test_contradictions_are_listed_by_rule(tmp_path: Path, row: dict[str, Any], broken: list[str]) -> None:
    assert reasons(tmp_path, row) == broken


def test_the_reason_holds_the_numbers_and_the_difference(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"huyen": FORM | {"scope": "Huyện Lắk", "received_online": 41}}), encoding="utf-8")
    (found,) = check_file(file).inconsistent
    assert (found.row, found.scope) == ("huyen", "Huyện Lắk")
    assert found.reasons[0].text == (
        "received_total 100 != received_online 41 + received_direct_postal 50 + received_carried_over 10 = 101"
        " (difference -1)"
    )
    assert found.reasons[0].difference == -1


def test_rows_in_lists_and_in_tables_by_level_are_rows_too(tmp_path: Path) -> None:
    wrong = FORM | {"received_online": 41}
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"levels": {"province": FORM, "commune": wrong}, "units": [FORM, wrong], "one": FORM}))
    checked = check_file(file)
    assert (checked.rows, [row.row for row in checked.inconsistent]) == (5, ["levels.commune", "units[2]"])


def test_a_file_may_be_one_row(tmp_path: Path) -> None:
    file = tmp_path / "q3.json"
    file.write_text(json.dumps(FORM | {"received_online": 41}))
    assert [row.row for row in check_file(file).inconsistent] == ["q3"]


def test_trailing_zeros_count_as_published_decimals(tmp_path: Path) -> None:
    assert reasons(tmp_path, None, '{"row": {"full": [1, 3], "full_percent": 33.3}}') == []
    assert reasons(tmp_path, None, '{"row": {"full": [1, 3], "full_percent": 33.30}}') == ["full_percent"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "not JSON",
            "{}",
            "[]",
            '{"_": "only a note"}',
            '"text"',
            '{"a": {"received_total": NaN}}',
            "[" * 100_000,
        ),
        '{"a": {"received_total": 1}, "a": {"received_total": 2}}',
        '{"a": {"received_total": 1, "received_total": 2}}',
    ],
)
def test_a_file_that_holds_no_rows_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as problem:
        check_file(file)
    assert problem.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\xff")
    for file in (tmp_path / "missing.json", tmp_path, tmp_path / "bytes.json"):
        with pytest.raises(ConfigurationError):
            check_file(file)


def test_the_commands_exit_codes(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"row": FORM}), encoding="utf-8")
    answer = CliRunner().invoke(app, ["check-published", str(file)])
    assert (answer.exit_code, "1 rows, all consistent" in answer.stdout) == (0, True)
    file.write_text(json.dumps({"row": FORM | {"received_total": 1}, "[bold]": FORM}), encoding="utf-8")
    answer = CliRunner().invoke(app, ["check-published", str(file), "--json"])
    said = json.loads(answer.stdout)
    assert (answer.exit_code, said["rows"], [row["row"] for row in said["inconsistent"]]) == (1, 2, ["row"])


def test_decimals_are_read_exactly() -> None:
    from onestop.reporting.published_scores import tolerance

    assert [tolerance(value) for value in (100, Decimal("99.5"), Decimal("99.51"))] == [
        Decimal("0.5"),
        Decimal("0.05"),
        Decimal("0.005"),
    ]
