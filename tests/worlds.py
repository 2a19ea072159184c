"""A small province for tests: a folder with province.yml and reference files, a real source server, a real warehouse."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from onestop import config
from onestop.config import Settings
from onestop.sandbox.server import OneStopServer

SHARED = Path(__file__).resolve().parents[2] / "shared"
AS_OF = datetime.fromisoformat("2024-09-25T08:00:00+07:00")
CLIENT, SECRET = "igate-client", "igate-secret-of-the-test"


def needs_shared(part: str) -> Path:
    """A folder of ../shared; the test skips, saying so, where it is missing."""
    folder = SHARED / part
    if not folder.exists():
        pytest.skip(f"NOT RUN: the folder shared/{part} is missing beside the project", allow_module_level=True)
    return folder


def dossier(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A dossier that keeps every rule: received 23/08/2024, due 30/08, finished a day early, changed 29/08."""
    record = {
        "MaHoSo": f"H15.07-240823-{number:04d}",
        "MaTTHC": "1.012790",
        "KenhThucHien": "2",
        "MucDo": "4",
        "DonViXuLy": "H15.07",
        "ChuHoSo": f"Nguyễn Văn Thử {number}",
        "SoDinhDanh": f"{number:012d}",
        "NgayNopHoSo": "20240823080000",
        "NgayTiepNhan": "20240823081500",
        "NgayHenTraBanDau": "20240830170000",
        "NgayHenTra": "20240830170000",
        "NgayKetThucXuLy": "20240829100000",
        "TrangThaiHoSo": "10",
        "NgayCapNhat": f"20240829{10 + number // 3600 % 14:02d}{number // 60 % 60:02d}{number % 60:02d}",
    }
    return {**record, **changes}


AGENCIES = [
    ("H15", "Tỉnh Đắk Lắk", "province", ""),
    ("H15.07", "Sở Tư pháp", "department", "H15"),
    ("H15.21", "Huyện Lắk", "district", "H15"),
    ("H15.21.01", "Xã Liên Sơn", "commune", "H15.21"),
]


@dataclass
class World:
    """One province under test. `run` and `ingest` are the product's own; `rows` asks the warehouse."""

    folder: Path
    dsn: str
    settings: Settings
    as_of: datetime = AS_OF
    servers: dict[str, OneStopServer] = field(default_factory=dict)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def one(self, query: str, *values: object) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(query, *values)
        return value

    def ledger(self, source: str = "igate") -> list[tuple[Any, ...]]:
        """state, received, accepted, quarantined, duplicate, refused of each batch."""
        return self.rows(
            "select state, received, accepted, quarantined, duplicate, refused from ops.load_batch"
            " where source_id = %s order by batch_id",
            source,
        )


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A reference file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)


def write_reference(folder: Path) -> None:
    """Four units and two procedures."""
    write_csv(
        folder / "agencies.csv",
        ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to"),
        [(code, name, "", level, parent, "", "2000-01-01", "") for code, name, level, parent in AGENCIES],
    )
    write_csv(
        folder / "procedures.csv",
        [
            "procedure_code",
            "name_vi",
            "field_code",
            "field_name_vi",
            "service_level",
            "has_fee",
            "processing_days",
            "day_kind",
            "announced_on",
            "published_on",
            "content_complete",
            "valid_from",
            "valid_to",
        ],
        [
            (
                "1.012790",
                "Đăng ký khai sinh",
                "HT",
                "Hộ tịch",
                4,
                0,
                5,
                "working",
                "2020-01-01",
                "2020-01-02",
                1,
                "",
                "",
            ),
            (
                "2.000815",
                "Chứng thực bản sao",
                "CT",
                "Chứng thực",
                3,
                1,
                1,
                "working",
                "2020-01-01",
                "2020-01-02",
                1,
                "",
                "",
            ),
        ],
    )


def make_world(
    folder: Path,
    dsn: str,
    sources: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    province: str = "{code: H15, name_vi: Đắk Lắk}",
    reference: Path | None = None,
    options: str = "retry_budget_seconds: 10, timeout_seconds: 5",
) -> World:
    """A province whose sources (id -> base address) are one-stop systems, on the warehouse of the DSN."""
    if reference is None:
        reference = folder / "reference"
        write_reference(reference)
    lines = [f"province: {province}", f"reference: {{path: {json.dumps(str(reference))}}}", "sources:"]
    lines += [
        f"  - {{id: {name}, kind: one_stop_api, base_url: {json.dumps(url)}, credentials: IGATE, {options}}}"
        for name, url in sources.items()
    ]
    (folder / "province.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", dsn)
    monkeypatch.setenv("ONESTOP_HASH_KEY", "a hash key for tests only")
    monkeypatch.setenv("ONESTOP_DATA_KEY", "a data key for tests only")
    monkeypatch.setenv("IGATE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("IGATE_CLIENT_SECRET", SECRET)
    return World(folder, dsn, config.load(folder / "province.yml"))


def judges_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small deliveries: the rules are made ready once for all of them, not once for each."""
    from onestop.quality import judge

    original, made = judge.Judge, dict[str, judge.Judge]()

    def ready(book: Any) -> judge.Judge:
        if book.spec not in made:
            made[book.spec] = original(book)
        return made[book.spec]

    monkeypatch.setattr(judge, "Judge", ready)
