"""What the sandbox's tests share: one small province, made once."""

from __future__ import annotations

import pytest

from onestop.sandbox.judging import AgencyRow
from onestop.sandbox.province import Province, generate
from onestop.sandbox.scenarios import SMALL


@pytest.fixture(scope="session")
def small() -> Province:
    return generate(SMALL, seed=7)


@pytest.fixture(scope="session")
def agencies(small: Province) -> list[AgencyRow]:
    return [AgencyRow(u.code, u.parent, u.valid_from, u.valid_to) for u in small.units]
