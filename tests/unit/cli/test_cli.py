"""The command line: exit codes, one message per fault, no secret and no record in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onestop.cli import app as command_line
from onestop.cli.output import secret_free
from onestop.errors import ConfigurationError, DataRefused, OnestopError, SourceUnavailable, WarehouseUnavailable
from onestop.pipeline.flows import RunResult

Command = Callable[..., tuple[int, str, str]]
PROVINCE = """\
province: {code: H15, name_vi: Đắk Lắk}
sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:9", credentials: IGATE}]
"""


@pytest.fixture
def onestop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Calls the command's entry point in a folder with a province.yml: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    for name in ("ONESTOP_CONFIG", "ONESTOP_AS_OF"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "province.yml").write_text(PROVINCE, encoding="utf-8")

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["onestop", *words])
        with pytest.raises(SystemExit) as left:
            command_line.main()
        said = capfd.readouterr()
        return int(str(left.value.code)), said.out, said.err

    return call


def test_help_has_an_example_for_every_command(onestop: Command) -> None:
    code, overview, _ = onestop("--help")
    assert code == 0
    names = [c.name or c.callback.__name__ for c in command_line.app.registered_commands if c.callback]
    assert {"run", "ingest", "transform", "report", "up", "down", "status", "sandbox", "doctor"} <= set(names)
    for name in names:
        code, out, _ = onestop(name, "--help")
        assert name in overview and code == 0 and f"Example: onestop {name}" in out


def test_the_version(onestop: Command) -> None:
    from onestop import __version__

    assert onestop("--version")[:2] == (0, f"onestop {__version__}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "onestop --help"),
        (["quality", "2024-13-01"], "write it as 2024-09-25"),
        (["quality", "--language", "fr"], "onestop quality --help"),
        (["ingest"], "onestop ingest --help"),
        (["ingest", "a", "b"], "onestop ingest --help"),
        (["run"], "--period"),
        (["run", "--perod", "2024-Q3"], "--perod"),
        (["sandbox", "--port", "many"], "--port"),
        (["run", "--period", "2024-Q5"], "2024-Q5"),
        (["ingest", "nobody"], "choose one of: igate"),
        (["ingest", "igate", "--config", "nowhere.yml"], "nowhere.yml"),
        (["ingest", "igate", "--as-of", "soon"], "ISO 8601"),
        (["sandbox", "--scenario", "mars"], "dak_lak_2024_q3"),
    ],
)
def test_wrong_words_are_2(onestop: Command, words: list[str], said: str) -> None:
    code, _, err = onestop(*words)
    assert code == 2 and said in err
    assert err.count("Error") == 1 and err.count("Next step") == 1 and "Traceback" not in err


def test_no_words_at_all_show_the_help(onestop: Command) -> None:
    code, out, err = onestop()
    assert code == 2 and "ingest" in out + err and "fault" not in out + err


@pytest.mark.parametrize(
    ("problem", "code"),
    [(OnestopError, 1), (SourceUnavailable, 1), (WarehouseUnavailable, 1), (ConfigurationError, 2), (DataRefused, 3)],
)
def test_each_kind_of_error_has_its_code(
    onestop: Command, monkeypatch: pytest.MonkeyPatch, problem: type[OnestopError], code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem("at postgresql://me:very-secret@host/db [bold]x[/bold]", next_step="mend it")

    monkeypatch.setattr("onestop.config.load", fail)
    found, _, err = onestop("ingest", "igate")
    assert (found, err) == (
        code,
        "Error at postgresql://me:***@host/db [bold]x[/bold]\n  Next step: mend it\n",
    )


@pytest.mark.parametrize("fault", [KeyError("Nguyễn Văn A"), ValueError("0905123456"), RecursionError("Nguyễn Văn A")])
def test_a_fault_that_nobody_foresaw_quotes_nothing(
    onestop: Command, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("onestop.config.load", fail)
    code, out, err = onestop("ingest", "igate")
    assert code == 1 and type(fault).__name__ in err and "test_cli.py, line" in err and "--debug" in err
    assert "Nguyễn" not in out + err and "0905" not in out + err and "Traceback" not in err
    code, _, err = onestop("--debug", "ingest", "igate")
    assert code == 1 and "Traceback" in err


def test_an_interrupted_command_says_so(onestop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("onestop.config.load", interrupt)
    code, _, err = onestop("ingest", "igate")
    assert code == 1 and "Traceback" not in err and ("stopped" in err or "Aborted" in err)


@pytest.mark.parametrize(
    ("problems", "code"),
    [
        ([], 0),
        ([SourceUnavailable("x")], 1),
        ([ConfigurationError("x")], 1),
        ([DataRefused("x")], 3),
        ([SourceUnavailable("x"), DataRefused("x"), WarehouseUnavailable("x")], 3),
    ],
)
def test_the_exit_code_of_a_run(problems: list[OnestopError], code: int) -> None:
    assert RunResult(problems=[("igate", problem) for problem in problems]).exit_code == code


def test_passwords_of_addresses_are_masked() -> None:
    assert secret_free("postgresql://a:b@h/x and http://c:d@h") == "postgresql://a:***@h/x and http://c:***@h"
    assert secret_free("http://h:80/a") == "http://h:80/a"
    assert secret_free("[red]x[/red]") == r"\[red]x\[/red]"
