"""Which moments can be asked for, and where such a report lies."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from onestop import config
from onestop.errors import ConfigurationError
from onestop.pipeline.known_at import check_moment, folder_name

NOW = datetime.fromisoformat("2024-09-25T08:00:00+07:00")


def settings(folder: Path, retention: str = "") -> config.Settings:
    (folder / "province.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\nsources:\n"
        '  - {id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:9", credentials: IGATE}\n' + retention,
        encoding="utf-8",
    )
    return config.load(folder / "province.yml")


@pytest.mark.parametrize(
    ("retention", "moment", "refused"),
    [
        ("", "2024-09-25T08:00:00+07:00", None),
        ("", "2024-09-25T01:00:01+00:00", "is not over yet"),
        ("", "2014-09-25T08:00:00+07:00", None),
        ("", "2014-09-25T07:59:59+07:00", "kept for 10 years"),
        ("retention: {years: 2}\n", "2022-09-25T08:00:00+07:00", None),
        ("retention: {years: 2}\n", "2022-09-25T07:59:59+07:00", "kept for 2 years"),
    ],
)
def test_moments_from_the_horizon_to_now(tmp_path: Path, retention: str, moment: str, refused: str | None) -> None:
    province, asked = settings(tmp_path, retention), datetime.fromisoformat(moment)
    if refused is None:
        check_moment(province, asked, NOW)
    else:
        with pytest.raises(ConfigurationError, match=refused) as problem:
            check_moment(province, asked, NOW)
        assert problem.value.exit_code == 2
        assert problem.value.next_step


def test_a_leap_day_has_a_horizon(tmp_path: Path) -> None:
    leap = datetime.fromisoformat("2024-02-29T08:00:00+07:00")
    check_moment(settings(tmp_path), datetime.fromisoformat("2014-02-28T08:00:00+07:00"), leap)
    with pytest.raises(ConfigurationError):
        check_moment(settings(tmp_path), datetime.fromisoformat("2014-02-28T07:59:59+07:00"), leap)


def test_the_horizon_is_at_least_a_year(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="retention"):
        settings(tmp_path, "retention: {years: 0}\n")


def test_the_folder_names_the_local_moment(tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2024-07-11T19:10:00+00:00")
    assert folder_name(settings(tmp_path), moment) == "known-at-20240712T021000"
