"""A province with a source of every kind: API, SQL, the portal's files, feedback, each over its real protocol."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from onestop import config
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.feedback_server import FeedbackServer
from onestop.sandbox.portal_files import Dirt, dossier_row, file_name, write_xlsx
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

FIRST, LAST = date(2024, 8, 1), date(2024, 8, 31)


def case(number: int, **changes: Any) -> dict[str, Any]:
    """A case of the feedback system, changed after it was answered, with times in three spellings."""
    record = {
        "MaPAKN": f"PA-{number:04d}",
        "Nguon": "portal",
        "DonViXuLy": "H15.07",
        "NgayTiepNhan": "2024-08-01T08:00:00+07:00",
        "HanXuLy": "2024-08-21T17:00:00",
        "NgayTraLoi": "2024-08-20T03:00:00Z",
        "LoaiNoiDung": 2,
        "ThuocThamQuyen": True,
        "TrangThai": "da_xu_ly",
        "HoTen": "Nguyễn Thị Phản Ánh",
        "NoiDung": "Nội dung riêng tư",
        "NgayCapNhat": f"2024-08-20T10:{number // 60 % 60:02d}:{number % 60:02d}+07:00",
    }
    return {**record, **changes}


class Province:
    """A world whose province.yml lists one source of each kind; a test changes what they deliver between runs."""

    def __init__(self, folder: Path, warehouse: str, foreign: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.foreign = folder, foreign
        self.exports = folder / "exports"
        self.exports.mkdir()
        self.api = OneStopServer([dossier(1)], CLIENT, SECRET).start()
        self.feedback = FeedbackServer([case(n) for n in range(1, 45)], "a key", requests_per_second=0).start()
        self.world = make_world(folder, warehouse, {"igate": self.api.url}, monkeypatch)
        text = self.world.settings.file.read_text()
        text += "  - {id: treasury, kind: one_stop_sql, dsn_env: TREASURY_DSN, retry_budget_seconds: 5}\n"
        text += "  - {id: dvcqg, kind: portal_export, path: exports}\n"
        text += (
            f'  - {{id: pakn, kind: feedback_api, base_url: "{self.feedback.url}", credentials: PAKN, page_size: 20}}\n'
        )
        self.reload(text)
        monkeypatch.setenv("TREASURY_DSN", foreign)
        monkeypatch.setenv("PAKN_API_KEY", "a key")
        monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
        ingest_reference(self.world.settings, as_of=AS_OF)

    def reload(self, text: str) -> None:
        """Another province.yml."""
        self.world.settings.file.write_text(text)
        self.world = World(self.folder, self.world.dsn, config.load(self.world.settings.file))

    def stop(self) -> None:
        self.api.stop()
        self.feedback.stop()

    def export(self, *records: dict[str, Any], version: int = 1, dirt: Dirt | None = None, first: date = FIRST) -> Path:
        rows = [dossier_row(record, number) for number, record in enumerate(records, 1)]
        path = self.exports / file_name("HoSo", "H15", first, LAST, version)
        return write_xlsx(path, "HoSo", rows, dirt or Dirt(title_rows=3, two_row_header=True, text_dates_every=2))

    def run(self, source: str) -> tuple[Any, ...]:
        result = ingest(self.world.settings, source, as_of=AS_OF)
        return (result.state, result.received, result.accepted, result.quarantined, result.duplicate, result.refused)
