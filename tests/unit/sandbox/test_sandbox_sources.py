"""A source of every kind out of one province: who delivers what, and files that break what they are meant to break."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import httpx
import orjson
import pytest

from onestop import config
from onestop.sandbox import sources
from onestop.sandbox.main import start
from onestop.sandbox.portal_sample import SPOILERS
from onestop.sandbox.province import Province, generate
from onestop.sandbox.scenarios import scenario
from onestop.sources.spreadsheet import read_table


@pytest.fixture(scope="module")
def province() -> Province:
    return generate(scenario("small"), 3)


def code_of(body: bytes) -> str:
    return "".join(str(orjson.loads(body)["MaHoSo"] or "").split()).upper()


def test_the_treasury_has_its_dossiers_with_all_their_versions(province: Province) -> None:
    rest, treasury = sources._parted(province)
    assert Counter(rest) + Counter(treasury) == Counter(province.records)
    assert len(treasury) > 50
    mine, others = {code_of(r.body) for r in treasury}, {code_of(r.body) for r in rest}
    assert not mine & others
    assert all(code.startswith(("H15.90-", "000.00.90.H15-")) for code in mine)
    assert len({(code_of(r.body), r.stamp) for r in treasury}) == len(treasury), "a table's key is unique"


def test_the_shares_add_up_to_the_province(province: Province) -> None:
    rest, treasury = sources._parted(province)
    whole = sources.Share(len(province.records), Counter({"OS-001": 5, "OS-999": 1}))
    found = sources.shares(province, sources.Division(rest, treasury), whole)
    assert found["igate"].records + found["treasury"].records == whole.records
    assert found["treasury"].records == len(treasury)
    assert sources.shares(province, sources.Division(province.records), whole) == {"igate": whole}


def test_the_portals_files_are_untidy_and_bad_where_they_are_meant_to_be(tmp_path: Path) -> None:
    with start("small", tmp_path, port=0, seed=3, every_kind=True) as sandbox:
        settings = config.load(tmp_path / "province.yml")
        assert {s.id: s.kind for s in settings.sources} == {
            "igate": "one_stop_api",
            "dvcqg": "portal_export",
            "pakn": "feedback_api",
        }  # without a database no SQL source
        assert set(sandbox.environment) == {"IGATE_CLIENT_ID", "IGATE_CLIENT_SECRET", "PAKN_API_KEY"}
        assert sandbox.feedback is not None
        page = httpx.get(
            f"{sandbox.feedback.url}/api/feedback",
            params={"changed_since": "2020-01-01T00:00:00+07:00"},
            headers={"X-API-Key": sandbox.environment["PAKN_API_KEY"]},
            trust_env=False,
        )
        assert page.json()["items"]
        url = sandbox.feedback.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    expected = json.loads((tmp_path / "expected.json").read_text(encoding="utf-8"))["sources"]
    assert expected["dvcqg"]["quarantined_by_rule"].keys() >= SPOILERS.keys()
    assert {"PA-001", "PA-013"} <= expected["pakn"]["quarantined_by_rule"].keys()
    files = sorted(path.name for path in (tmp_path / "exports").iterdir())
    assert files == [
        "DVCQG_DanhGia_H15_20240615_20240914.csv",
        "DVCQG_HoSo_H15_20240615_20240914.xlsx",
        "DVCQG_HoSo_H15_20240615_20240914.xlsx.manifest.json",
        "DVCQG_ThanhToan_H15_20240615_20240914.csv",
    ]
    read: list[dict[str, object]] = []
    for name, entity in ((files[0], "rating"), (files[1], "dossier"), (files[3], "payment")):
        body = (tmp_path / "exports" / name).read_bytes()
        read += [r for chunk in read_table(body, name, entity, stamp="20240914235959") for r in chunk.records]
    assert len(read) == expected["dvcqg"]["records"]
    secrets = set(sandbox.environment.values()) - {"sandbox"}
    texts = [p.read_text(encoding="utf-8") for p in tmp_path.glob("*.*")]
    assert not any(secret in text for secret in secrets for text in texts)


def test_what_another_province_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    old = tmp_path / "exports" / "DVCQG_HoSo_H16_20210101_20210131.xlsx"
    kept = tmp_path / "exports" / "notes.txt"
    for file in (old, kept):
        file.write_text("x", encoding="ascii")
    with start("small", tmp_path, port=0, every_kind=True, with_expected=False):
        assert (old.exists(), kept.exists()) == (False, True)
