"""Which faults a task retries, and how it tells of its progress."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from onestop.errors import (
    BuildFailed,
    ConfigurationError,
    DataRefused,
    SourceUnavailable,
    WarehouseUnavailable,
    WindowClosed,
)
from onestop.platform.dag_support import final_faults, log_progress, settings
from onestop.platform.names import PROGRESS_MARK

FINAL = [
    DataRefused("batch 7 of igate was refused: 12 % of its rows fail", next_step="read the rejected rows"),
    ConfigurationError("not set: IGATE_CLIENT_ID", next_step="set it"),
    BuildFailed("fct_dossier: a test failed"),
    KeyError("MaHoSo"),
]
RETRIED = [
    SourceUnavailable("igate does not answer"),
    WarehouseUnavailable("no answer from 127.0.0.1"),
    psycopg.OperationalError("server closed the connection unexpectedly"),
    ConnectionResetError("reset by peer"),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("fault", FINAL, ids=lambda fault: type(fault).__name__)
def test_a_fault_of_data_or_code_is_final(fault: Exception) -> None:
    @final_faults
    def task() -> None:
        raise fault

    with pytest.raises(AirflowFailException) as caught:
        task()
    assert str(fault) in str(caught.value)


@pytest.mark.parametrize("fault", RETRIED, ids=lambda fault: type(fault).__name__)
def test_a_fault_of_the_infrastructure_is_left_to_airflows_retries(fault: Exception) -> None:
    @final_faults
    def task() -> None:
        raise fault

    with pytest.raises(type(fault)) as caught:
        task()
    assert caught.value is fault


@pytest.mark.parametrize(
    ("run_type", "try_number", "was_asked", "expected"),
    [
        ("scheduled", 1, False, AirflowSkipException),
        ("scheduled", 2, False, AirflowFailException),  # the first try failed: a skip would hide it
        ("scheduled", 1, True, AirflowFailException),
        ("manual", 1, False, AirflowFailException),
    ],
)
def test_outside_of_its_window_only_the_timetables_run_is_skipped(
    monkeypatch: pytest.MonkeyPatch, run_type: str, try_number: int, was_asked: bool, expected: type[Exception]
) -> None:
    context = {"dag_run": SimpleNamespace(run_type=run_type), "ti": SimpleNamespace(try_number=try_number)}
    monkeypatch.setattr("airflow.sdk.get_current_context", lambda: context)

    @final_faults
    def task() -> None:
        raise WindowClosed("igate may be asked from 20:00 to 05:00 only", next_step="wait", was_asked=was_asked)

    with pytest.raises(expected, match="20:00 to 05:00") as caught:
        task()
    assert type(caught.value) is expected


def test_a_task_that_works_keeps_its_name_and_its_result() -> None:
    @final_faults
    def draft(period: str) -> list[str]:
        return [period]

    assert draft("statutory:2024-Q3") == ["statutory:2024-Q3"]
    assert draft.__name__ == "draft"


def test_without_a_configuration_the_message_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONESTOP_CONFIG", raising=False)
    with pytest.raises(ConfigurationError, match="ONESTOP_CONFIG is not set"):
        settings()


def test_progress_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="onestop"):
        log_progress("igate", 12000)
    assert caplog.messages == [f"igate{PROGRESS_MARK}12000"]
