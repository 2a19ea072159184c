"""The quarantine's commands: their help, and wrong usage."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from onestop.cli import app as command_line

PROVINCE = """\
province: {code: H15, name_vi: Đắk Lắk}
sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:9", credentials: IGATE}]
"""


def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], folder: Path, *words: str
) -> tuple[int, str, str]:
    monkeypatch.chdir(folder)
    (folder / "province.yml").write_text(PROVINCE, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["onestop", *words])
    with pytest.raises(SystemExit) as left:
        command_line.main()
    said = capfd.readouterr()
    return int(str(left.value.code)), said.out, said.err


@pytest.mark.parametrize("name", ["list", "export", "replay", "dismiss", "reopen"])
def test_every_command_has_an_example_and_json(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    code, out, _ = call(monkeypatch, capfd, tmp_path, "quarantine", name, "--help")
    assert code == 0 and f"Example: onestop quarantine {name}" in out and "--json" in out


@pytest.mark.parametrize(
    "words",
    [
        ("burn",),
        ("list", "--status", "lost"),
        ("list", "--days", "-1"),
        ("dismiss", "12"),
        ("dismiss", "12", "--by", "B"),
        ("dismiss", "--by", "B", "--reason", "because of it"),
        ("reopen", "twelve", "--by", "B", "--reason", "because of it"),
    ],
)
def test_wrong_usage_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, _, err = call(monkeypatch, capfd, tmp_path, "quarantine", *words)
    assert code == 2 and "--help" in err
