"""The quality page of one day: complete, self-contained, in both languages, and free of values of records."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from onestop.pipeline.quality_pages import rule_texts
from onestop.quality.delivery import REASONS
from onestop.reporting.quality_day import BadBatch, Finding, QualityDay, RuleDay, SourceDay, UnitDay
from onestop.reporting.quality_page import table, write_quality_page

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
QUALITY = QualityDay(
    day=date(2024, 9, 25),
    known_at=datetime(2024, 9, 25, 8, 0, tzinfo=ZONE),
    province_name="Đắk Lắk",
    texts=rule_texts(),
    sources=(
        SourceDay("igate", 1, 1, 12_480, 11_902, 37, 541, 0, 4_210, Decimal("9.42"), 1, 7, 6, Decimal("8.9"), 112),
        SourceDay("treasury", 1, 0, 0, 0, 0, 0, 0, 0, None, 0, 7, 6, Decimal("11.2"), 0),
        SourceDay("dvcqg", 1, 1, 3_100, 0, 0, 0, 3_100, 0, None, 0, 1, 1, None, 5),
    ),
    rules=(
        RuleDay("OS-011", "igate", "dossier", "quarantine", 11_939, 21, (3, 0, 5, 4, 0, 0, 9, 2, 1, 0, 0, 4, 12, 21)),
        RuleDay("OS-012", "igate", "dossier", "warn", 11_939, 16, (15, 14, 16, 15, 2, 1, 15, 17, 15, 16, 14, 1, 2, 16)),
        RuleDay("PT-000", "dvcqg", "dossier", "stop", 3_100, 3_100, (0,) * 13 + (3_100,)),
        RuleDay("XX-001", "igate", "dossier", "warn", 0, 1, (0,) * 13 + (1,)),
    ),
    units=(
        UnitDay("H15.21.01", "Xã Liên Sơn <b>", 24, (("OS-011", 20), ("OS-012", 4))),
        UnitDay("H15.99", "", 9, (("OS-011", 9),)),
        UnitDay("?", "", 4, (("OS-012", 4),)),
    ),
    findings=(
        Finding("OS-901", "igate", "dossier", "broken", None, 480, 1210.5, None),
        Finding("OS-905", "igate", "dossier", "broken", "H15.21", 0, 50, None),
        *(Finding(f"OS-90{n % 5 + 1}", "treasury", "dossier", "not_judged", None, None, None, f"{code} 2 3") for n, code in enumerate(REASONS)),
    ),
    batches=(BadBatch("dvcqg", "dossier", "refused", 3_100, "dvcqg: refused whole <script>alert(1)</script>" + "x" * 900),),
    rules_judged=31,
)  # fmt: skip


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def test_everything_of_the_day_is_said() -> None:
    said = text(write_quality_page(QUALITY))
    for words in (
        "Chất lượng dữ liệu", "25/09/2024", "tỉnh Đắk Lắk", "15.580 bản ghi", "99,69 %", "OS-011", "Đơn vị xử lý không có trong danh mục",
        "Đơn vị vận hành hệ thống nguồn", "Xã Liên Sơn", "Không có trong danh mục", "Dòng không ghi đơn vị", "0/1 lượt", "86 %", "9,4", "1.210,5",
        "mới có 2 ngày để so sánh, cần 3", "Từ chối cả lô", "0,18 %", "Tệp không có hồ sơ nào",
    ):  # fmt: skip
        assert words in said, words
    assert said.count("Chưa đánh giá được") == len(REASONS)


def test_in_english() -> None:
    page = write_quality_page(QUALITY, "en")
    said = text(page)
    assert '<html lang="en">' in page
    for words in (
        "Data quality",
        "15,580 records",
        "99.69%",
        "The resolving unit is unknown",
        "2 days to compare with, 3 are needed",
        "0 of 1 runs",
    ):
        assert words in said, words
    assert not re.search(r"[ăâđêôơưạảấầẩẫậ]", said.replace("Đắk Lắk", "").replace("Xã Liên Sơn", ""))


def test_the_languages_have_the_same_words() -> None:
    assert table("vi").keys() == table("en").keys()
    assert {f"reason_{code}" for code in REASONS} <= table("vi").keys()
    places = {key: set(re.findall(r"{\w+}", words)) for key, words in table("vi").items()}
    assert places == {key: set(re.findall(r"{\w+}", words)) for key, words in table("en").items()}


def test_it_fetches_nothing_and_quotes_nothing() -> None:
    page = write_quality_page(QUALITY)
    assert not re.search(r"https?://|<script|<link|<img|@import", page.replace("&lt;script", ""))
    assert "&lt;script&gt;" in page and "Xã Liên Sơn &lt;b&gt;" in page
    assert "x" * 500 not in page and "…" in page


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_quiet_day(language: str) -> None:
    quiet = replace(QUALITY, rules=(), units=(), findings=(), batches=(), sources=QUALITY.sources[1:2])
    said = text(write_quality_page(quiet, language))  # type: ignore[arg-type]
    for key in ("rules_none", "units_none", "findings_none", "no_rate", "quarantined_note_none"):
        assert table(language)[key] in said  # type: ignore[index]
    assert table(language)["batches_heading"] not in said  # type: ignore[index]
