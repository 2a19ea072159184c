"""The data package: its files say what the figures say, its description describes them, hostile names stay texts."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest

from onestop.periods import parse
from onestop.reporting.data_package import DESCRIPTION, SDMX, _time, write_data_package
from onestop.reporting.model import COLUMNS, EditionMark, PeriodCounts, ReportFigures


def opened(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))


def test_every_figure_is_in_it(figures: ReportFigures) -> None:
    files = opened(write_data_package(figures, "draft"))
    units = {row["agency_code"]: row for row in rows(files["form_ii_06a.csv"])}
    wanted = {"H15": figures.province, **{u.code: u.counts for u in figures.units}}
    assert {code: {c: int(row[c]) for c in COLUMNS} for code, row in units.items()} == {
        code: counts.as_dict() for code, counts in wanted.items()
    }
    fields = rows(files["form_ii_06a_field.csv"])
    assert len(fields) == sum(len(block.fields) for block in figures.levels)
    assert sum(int(row["received_total"]) for row in fields) == figures.province.received_total
    compared = {row["relation"]: row for row in rows(files["comparison.csv"])}
    assert list(compared) == ["current", "previous"] and compared["previous"]["period_from"] == "2024-03-15"
    assert [row["period"] for row in rows(files["months.csv"])] == ["2024-M07", "2024-M08", "2024-M09"]
    assert sum(int(row["dossiers"]) for row in rows(files["durations.csv"])) == figures.province.resolved_total


def test_sdmx_has_one_observation_a_key(figures: ReportFigures) -> None:
    lines = rows(opened(write_data_package(figures, "published"))[SDMX])
    head = ("REF_UNIT", "UNIT_LEVEL", "FIELD", "INDICATOR", "TIME_PERIOD")
    found = {tuple(line[name] for name in head): line for line in lines}
    assert len(found) == len(lines)
    one = found["H15", "_T", "_T", "RESOLVED_OVERDUE", "2024-06-15/P3M"]
    assert (int(one["OBS_VALUE"]), one["OBS_STATUS"]) == (figures.province.resolved_overdue, "A")
    assert one["STRUCTURE_ID"] == "H15:DF_II_06A(1.0)" and one["PERIOD_CONVENTION"] == "statutory"
    assert found["H15", "_T", "_T", "RESOLVED_OVERDUE", "2024-03-15/P3M"]["OBS_VALUE"] == "100"
    assert ("H15", "province", "_U", "RECEIVED_TOTAL", "2024-06-15/P3M") in found
    drafts = rows(opened(write_data_package(figures, "draft"))[SDMX])
    assert {line["OBS_STATUS"] for line in drafts} == {"P"}


@pytest.mark.parametrize(
    ("period", "said"),
    [
        ("calendar:2024-Q3", "2024-Q3"), ("calendar:2024-M07", "2024-M07"), ("calendar:2024-H1", "2024-S1"),
        ("calendar:2024", "2024-A1"), ("calendar:2024-9M", "2024-01-01/P9M"), ("2024", "2023-12-15/P12M"),
    ],
)  # fmt: skip
def test_times(period: str, said: str) -> None:
    assert _time(parse(period)) == said


def test_the_description_fits_the_files(figures: ReportFigures) -> None:
    mark = EditionMark(2, "d" * 64, "Nguyễn Văn A", figures.known_at, "=lý do")
    files = opened(write_data_package(replace(figures, edition=mark), "published"))
    said = json.loads(files.pop(DESCRIPTION))
    assert (said["status"], said["edition"]["sha256"], said["period"]) == ("published", "d" * 64, "2024-Q3")
    assert {part["path"] for part in said["resources"]} == files.keys()
    for part in said["resources"]:
        content = files[part["path"]]
        assert part["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}" and part["bytes"] == len(content)
        [head, *lines] = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""))
        assert [field["name"] for field in part["schema"]["fields"]] == head
        assert all(field["description"] for field in part["schema"]["fields"])
        keys = [tuple(line[head.index(name)] for name in part["schema"]["primaryKey"]) for line in lines]
        assert len(set(keys)) == len(keys) > 0


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", '=HYPERLINK("x")', 'a";b\n"c', "\u202eabc"]
)
def test_hostile_names_stay_texts(figures: ReportFigures, text: str) -> None:
    unit = replace(figures.units[0], name=text)
    row = rows(opened(write_data_package(replace(figures, units=(unit,)), "draft"))["form_ii_06a.csv"])[1]
    assert row["agency_name_vi"] in (text, f"'{text}") and row["agency_name_vi"][0] not in "=+-@"


def test_the_same_figures_give_the_same_bytes(figures: ReportFigures) -> None:
    other = PeriodCounts(parse("2023-Q3"), figures.province)
    assert write_data_package(figures, "draft") == write_data_package(replace(figures), "draft")
    assert write_data_package(figures, "draft") != write_data_package(replace(figures, year_before=other), "draft")
