"""The generated province: exact figures, the same bytes for a seed, and every fault that was promised."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onestop.sandbox.counting import form, read_feed
from onestop.sandbox.judging import AgencyRow, Judge, tidied
from onestop.sandbox.province import Province, generate, write_reference
from onestop.sandbox.scenarios import DAK_NONG, SMALL, VIETNAM, Mix, Scenario
from onestop.sandbox.units import province_units
from unit.sandbox.sandbox_brute_force import count

RULES = {f"OS-{n:03d}" for n in (*range(1, 12), 18, 19)}


def counted_row(scenario: Scenario, seed: int) -> tuple[dict[str, int], dict[str, int]]:
    province = generate(scenario, seed)
    agencies = [AgencyRow(u.code, u.parent, u.valid_from, u.valid_to) for u in province.units]
    found = read_feed(province.records, agencies, [p.code for p in province.procedures], scenario.as_of)
    row = form(found.facts, scenario.first, scenario.last).get(scenario.code, dict.fromkeys(province.row, 0))
    return province.row, {name: row[name] for name in province.row}


def judged(province: Province, agencies: list[AgencyRow]) -> list[tuple[list[str], list[str], bytes]]:
    judge = Judge(agencies, [p.code for p in province.procedures], province.scenario.as_of)
    rows = []
    for record in sorted(province.records, key=lambda r: (r.stamp, r.code)):
        content = tidied(json.loads(record.body))
        failed = judge.failed(content)
        rows.append((failed, [] if failed else judge.warned(content), record.body))
    return rows


def test_a_seed_gives_the_same_bytes(small: Province) -> None:
    again, other = generate(SMALL, seed=7), generate(SMALL, seed=8)
    assert again.records == small.records
    assert other.records != small.records


def test_the_row_is_exact_and_a_brute_force_count_agrees_for_every_kind_of_unit(
    small: Province, agencies: list[AgencyRow]
) -> None:
    scenario = small.scenario
    found = read_feed(small.records, agencies, [p.code for p in small.procedures], scenario.as_of)
    accepted = [body for failed, _, body in judged(small, agencies) if not failed]
    spans = [
        (scenario.first, scenario.last),
        (scenario.first - timedelta(days=92), scenario.first - timedelta(days=1)),
        (scenario.first + timedelta(days=16), scenario.first + timedelta(days=46)),
        (scenario.last + timedelta(days=1), scenario.as_of.date()),
    ]
    for first, last in spans:
        forms = form(found.facts, first, last)
        for unit in ("H15", "H15.08", "H15.08.01", "H15.21", "H15.21.01", "H15.90"):
            slow = count(accepted, first, last, unit)
            fast = forms.get(unit, {})
            assert {k: v for k, v in fast.items() if v} == {k: v for k, v in slow.items() if v}, (first, unit)
    target = form(found.facts, scenario.first, scenario.last)["H15"]
    assert {name: target[name] for name in small.row} == small.row
    assert target["suspended_total"] > 0
    assert small.row["resolved_total"] == SMALL.target["resolved_total"]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_other_province_is_exact_too(seed: int) -> None:
    wanted, found = counted_row(DAK_NONG.scaled(1 / 150, "dak_nong"), seed)
    assert found == wanted


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    days=st.integers(6, 100),
    after=st.integers(0, 20),
    minute=st.integers(0, 1439),
    figures=st.tuples(*[st.integers(0, 90)] * 4),
)
def test_any_row_period_and_moment_come_out_exactly(
    seed: int, days: int, after: int, minute: int, figures: tuple[int, int, int, int]
) -> None:
    online, direct, carried, resolved = figures
    total = online + direct + carried
    last = SMALL.first + timedelta(days=days)
    moment = datetime(last.year, last.month, last.day, tzinfo=VIETNAM) + timedelta(days=after, minutes=minute)
    target = {
        "received_online": online,
        "received_direct_postal": direct,
        "received_carried_over": carried,
        "resolved_total": min(resolved, total),
    }
    scenario = replace(SMALL, last=last, as_of=moment, target=target, mix=Mix(history=0.5))
    wanted, found = counted_row(scenario, seed)
    assert found == wanted


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 7 days"):
        generate(replace(SMALL, last=SMALL.first + timedelta(days=3)))
    with pytest.raises(ValueError, match="as_of"):
        generate(replace(SMALL, as_of=SMALL.as_of - timedelta(days=30)))


def test_every_rule_has_rows_and_the_judge_finds_exactly_those_planted(
    small: Province, agencies: list[AgencyRow]
) -> None:
    rows = judged(small, agencies)
    planted = Counter(rule for rules, n in small.planted.items() for rule in rules.split("+") for _ in range(n))
    found = Counter(rule for failed, _, _ in rows for rule in failed)
    assert found == planted
    assert set(found) == RULES
    share = sum(bool(failed) for failed, _, _ in rows) / len(rows)
    assert 0.002 < share < 0.05
    warned = Counter(rule for _, warnings, _ in rows for rule in warnings)
    assert set(warned) == {"OS-012", "OS-013", "OS-014", "OS-016", "OS-017"}
    contents: dict[tuple[str, str], set[bytes]] = {}
    for failed, _, body in rows:
        record = json.loads(body)
        if not failed:
            contents.setdefault((record["MaHoSo"], record["NgayCapNhat"]), set()).add(body)
    assert any(len(bodies) == 2 for bodies in contents.values()), "OS-015: one moment with two contents"


def test_without_bad_rows_and_oddities_nothing_is_refused(agencies: list[AgencyRow]) -> None:
    clean = generate(replace(SMALL.scaled(0.2, "clean"), mix=Mix(bad=0, oddities=0)))
    assert clean.planted == {}
    assert {rule for failed, warned, _ in judged(clean, agencies) for rule in (*failed, *warned)} == {"OS-012"}


def test_nothing_lies_after_the_moment_but_appointments_and_planted_rows(
    small: Province, agencies: list[AgencyRow]
) -> None:
    now = small.scenario.as_of.strftime("%Y%m%d%H%M%S")
    happened = ("NgayNopHoSo", "NgayTiepNhan", "NgayKetThucXuLy", "NgayTra", "NgayTuChoi", "NgayDanhGia", "NgayCapNhat")
    for failed, _, body in judged(small, agencies):
        record = json.loads(body)
        assert record["NgayCapNhat"] <= now
        if not failed:
            assert all((record[name] or "") <= now for name in happened), record["MaHoSo"]


def test_the_feed_has_all_shapes(small: Province) -> None:
    records = [json.loads(r.body) for r in small.records]
    assert {r["TrangThaiHoSo"] for r in records} >= {str(n) for n in range(1, 11)}
    assert {r["KenhThucHien"] for r in records} >= {"1", "2", "3"}
    assert {r["MucDo"] for r in records} == {"2", "3", "4"}
    assert any(r["LaHoSoThuNghiem"] == "1" for r in records)
    assert any(r["DaXoa"] == "1" for r in records)
    assert any(
        r["DanhSachXinLoi"] and r["NgayHenTraBanDau"] < r["NgayHenTra"] for r in records if r["NgayHenTraBanDau"]
    )
    assert any(len(r["DanhSachHoSoBoSung"]) == 2 for r in records)
    assert any(s["NgayHenTraMoi"] for r in records for s in r["DanhSachHoSoBoSung"])
    assert {type(f["Gia"]) for r in records for f in r["DanhSachLePhi"]} == {int, str}
    assert any(r["MaTTHC"] and len(r["MaTTHC"]) == 8 for r in records)
    assert any(r["MaTTHC"] and r["MaTTHC"].endswith(".000.00.00.H15") for r in records)
    assert any(re.fullmatch(r"000\.\d\d\.\d\d\.H15-\d{6}-\d{4}", r["MaHoSo"]) for r in records)
    versions = Counter(r["MaHoSo"] for r in records if r["MaHoSo"])
    assert {1, 2, 3} <= set(versions.values())
    assert all(not r["Email"] or r["Email"].endswith(".invalid") for r in records)


def test_units_are_the_real_ones() -> None:
    units = province_units("66", "H15")
    levels = Counter(u.level for u in units)
    assert (levels["district"], levels["commune"]) == (15, 180)
    assert len({u.code for u in units}) == len(units)
    by_code = {u.code: u for u in units}
    assert all(u.parent in by_code for u in units if u.level != "province")
    assert any(u.name_vi == "Phường Tân Lập" and u.gso == "24118" for u in units)
    with pytest.raises(ValueError, match="GSO"):
        province_units("999", "H99")


def test_reference_files_have_the_contracts_columns(small: Province, tmp_path: Path) -> None:
    write_reference(small, tmp_path)
    with (tmp_path / "agencies.csv").open(encoding="utf-8") as file:
        agencies = list(csv.DictReader(file))
    with (tmp_path / "procedures.csv").open(encoding="utf-8") as file:
        procedures = list(csv.DictReader(file))
    with (tmp_path / "targets.csv").open(encoding="utf-8") as file:
        targets = list(csv.DictReader(file))
    assert ",".join(targets[0]) == "metric_code,level,year,target,legal_basis"
    assert {row["year"] for row in targets} == {str(year) for year in range(2022, 2027)}
    columns = "agency_code,name_vi,name_en,level,parent_code,gso_code,valid_from,valid_to"
    assert ",".join(agencies[0]) == columns
    assert agencies[0]["agency_code"] == "H15"
    assert {a["level"] for a in agencies} == {"province", "department", "district", "commune", "branch"}
    assert ",".join(procedures[0]) == (
        "procedure_code,name_vi,field_code,field_name_vi,service_level,has_fee,processing_days,day_kind,announced_on,"
        "published_on,content_complete,valid_from,valid_to"
    )
    assert 380 <= len(procedures) <= 450
    assert all(re.fullmatch(r"[12]\.\d{6}", p["procedure_code"]) for p in procedures)
    assert len({p["procedure_code"] for p in procedures}) == len(procedures)
