"""Letters that came back: who they did not reach is read from reports of failure, and from nothing else."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.delivery import returned
from onestop.errors import ConfigurationError
from returned_mail import NAME, report

NOW = datetime(2024, 9, 25, 1, tzinfo=UTC)


def test_a_report_of_failure_names_letter_address_and_reason() -> None:
    for enclosed in ("message/rfc822", "text/rfc822-headers"):
        (found,) = returned.returned(report(enclosed=enclosed).encode())
        assert found == returned.Returned(
            NAME,
            "vanthu@so.daklak.gov.vn",
            "550 5.1.1 <vanthu@so.daklak.gov.vn>: Recipient address rejected: User unknown",
        )
    assert returned.returned(report().replace("\n", "\r\n").encode())[0].message_id == NAME


def test_nothing_else_speaks() -> None:
    assert returned.returned(report(action="delayed").encode()) == []
    assert returned.returned(report(name="").encode()) == []
    absent = f"From: a@b\nSubject: vắng mặt\nIn-Reply-To: {NAME}\n\nTôi đi công tác.\n"
    assert returned.returned(absent.encode()) == []
    assert returned.returned(b"") == []


@given(st.binary(max_size=300), st.integers(0, 900))
def test_whatever_a_stranger_writes(noise: bytes, at: int) -> None:
    whole = report().encode()
    assert isinstance(returned.returned(whole[:at] + noise + whole[at:]), list)
    assert isinstance(returned.returned(noise), list)


def test_a_folder_of_letters_or_a_maildir(tmp_path: Path) -> None:
    old, young, large = (tmp_path / name for name in ("old.eml", "young.eml", "large.eml"))
    for path, age in ((old, 40), (young, 1), (large, 1)):
        path.write_bytes(b"x" * (returned.LARGEST + 1 if path is large else 1))
        moment = (NOW - age * timedelta(days=1)).timestamp()
        os.utime(path, (moment, moment))
    (tmp_path / ".hidden").write_bytes(b"x")
    assert list(returned.mailbox(tmp_path, NOW - timedelta(days=30))) == [young]
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_bytes(b"x")
    found = [path.parent.name for path in returned.mailbox(tmp_path, NOW - timedelta(days=30))]
    assert found == ["new", "cur"]  # what lies in tmp is not whole yet
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(returned.mailbox(tmp_path / "missing", NOW))
