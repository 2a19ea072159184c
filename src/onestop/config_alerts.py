"""The parts of province.yml about running it: alerts and their channels, what the watch looks for, what is kept how long."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from onestop.config_mail import ADDRESS, Mail
from onestop.config_sources import VARIABLE, Part
from onestop.window import Window

_MAIL = re.compile(ADDRESS)
_VARIABLE = re.compile(VARIABLE)


def _target(value: str) -> str:
    if not (_MAIL.fullmatch(value) or _VARIABLE.fullmatch(value)):
        raise ValueError(
            "neither a mail address nor the name of an environment variable that holds an Apprise address (ONCALL_HOOK)"
        )
    return value


Target = Annotated[str, Field(min_length=1)]


class Alerts(Part):
    """Who is told what goes wrong: mail addresses, and names of variables with Apprise addresses."""

    mail: Mail | None = None
    engineer: tuple[Target, ...] = ()
    data_owner: tuple[Target, ...] = ()
    owners: dict[str, tuple[Target, ...]] = {}  # noqa: RUF012  (pydantic gives each its own)
    quiet_hours: Window | None = None
    remind_hours: Annotated[int, Field(ge=1, le=720)] = 24

    @field_validator("quiet_hours", mode="before")
    @classmethod
    def _hours(cls, value: object) -> Window | None:
        return Window.parse(str(value)) if value is not None else None

    @field_validator("engineer", "data_owner")
    @classmethod
    def _targets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_target, value))

    @field_validator("owners")
    @classmethod
    def _owners(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {source: tuple(map(_target, targets)) for source, targets in value.items()}

    @property
    def targets(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.engineer, *self.data_owner, *(t for own in self.owners.values() for t in own)))


class Watch(Part):
    """What ops__source_watch takes for late, and where it leaves its figures for the province's monitoring."""

    start_within_minutes: Annotated[int, Field(ge=5, le=720)] = 60
    silent_working_days: Annotated[int, Field(ge=1, le=60)] = 2
    quarantine_days: Annotated[int, Field(ge=1, le=365)] = 7
    free_gib: Annotated[float, Field(gt=0, le=10240)] = 2
    metrics: str = ".local/metrics/onestop.prom"


class Maintenance(Part):
    """Backups, and how long what is no record of a figure is kept; None: for good."""

    path: str = ".local/backups"
    keep_backups: Annotated[int, Field(ge=1, le=1000)] = 7
    landing_days: Annotated[int, Field(ge=30)] | None = None
    log_days: Annotated[int, Field(ge=7)] | None = 90
    quarantine_payload_days: Annotated[int, Field(ge=30)] | None = None
    airflow_days: Annotated[int, Field(ge=7)] | None = 90
