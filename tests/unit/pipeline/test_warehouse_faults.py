"""What a person is told of a fault in the middle of a step."""

from __future__ import annotations

import errno
import os

import psycopg
import pytest

from onestop.pipeline.warehouse_faults import fault_of


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_of_the_project_is_said_as_such(number: int) -> None:
    said = fault_of(OSError(number, os.strerror(number), "/srv/onestop/.local/dbt/manifest.json"), "transform")
    assert said is not None
    assert str(said).startswith("transform: the disk is full (/srv/onestop/.local/dbt/manifest.json)")
    assert "make room" in said.next_step
    unnamed = fault_of(OSError(number, os.strerror(number)), "transform")
    assert unnamed is not None and "full;" in str(unnamed)


def test_a_full_disk_of_the_database_is_another() -> None:
    said = fault_of(psycopg.errors.DiskFull("could not extend file"), "ingest igate")
    assert said is not None and "the warehouse's disk is full" in str(said)


@pytest.mark.parametrize(
    "fault", [OSError(errno.EACCES, "Permission denied", "x"), ValueError("x"), psycopg.DataError()]
)
def test_what_is_none_of_these_is_left_alone(fault: Exception) -> None:
    assert fault_of(fault, "transform") is None
