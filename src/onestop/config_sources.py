"""The sources of province.yml, one class per kind: their keys, defaults and allowed values."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from onestop.config_environment import variable
from onestop.window import Window

VARIABLE = r"^[A-Z][A-Z0-9_]*$"
_URL = r"^https?://[^\s/]+"
_SSH = re.compile(r"\b(sftp|ssh)://", re.IGNORECASE)
_CRON_FIELD = re.compile(r"^[\d*,/\-A-Za-z#L]+$")


class Part(BaseModel):
    """A part of province.yml: unknown keys are mistakes, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(Part):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    every: str = "0 2 * * *"
    quarantine_limit: Annotated[float, Field(ge=0, le=1)] = 0.05
    window: Window | None = None

    @field_validator("window", mode="before")
    @classmethod
    def _hours(cls, value: object) -> Window | None:
        return Window.parse(str(value)) if value is not None else None

    @model_validator(mode="after")
    def _sometimes(self) -> _Source:
        if self.window and not self.window.allows(self.every):
            raise ValueError(f'window: no time of `every` ("{self.every}") lies from {self.window}: it would never run')
        return self

    @field_validator("every")
    @classmethod
    def _cron(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != 5 or not all(_CRON_FIELD.match(f) for f in fields):
            raise ValueError('not a cron expression of five fields, for example "0 2 * * *"')
        return value


class _Polled(_Source):
    """What sources that are asked for changes since a moment have in common."""

    overlap_minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 60
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    retry_budget_seconds: Annotated[float, Field(ge=0, le=86400)] = 300
    requests_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None


class OneStopApiSource(_Polled):
    """A one-stop system that speaks contracts/one_stop_api.yaml."""

    kind: Literal["one_stop_api"]
    base_url: Annotated[str, Field(pattern=_URL)]
    credentials: Annotated[str, Field(pattern=VARIABLE)]
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        return f"{self.credentials}_CLIENT_ID", f"{self.credentials}_CLIENT_SECRET"


class OneStopSqlSource(_Polled):
    """A one-stop system read from a table or view (contracts/one_stop_sql.md)."""

    kind: Literal["one_stop_sql"]
    dsn_env: Annotated[str, Field(pattern=VARIABLE)]
    table: Annotated[str, Field(min_length=1)] = "dossiers"
    page_size: Annotated[int, Field(ge=1, le=50_000)] = 5000

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        return (self.dsn_env,)


class FeedbackApiSource(_Polled):
    """The feedback and recommendation system (contracts/feedback_api.yaml)."""

    kind: Literal["feedback_api"]
    base_url: Annotated[str, Field(pattern=_URL)]
    credentials: Annotated[str, Field(pattern=VARIABLE)]
    page_size: Annotated[int, Field(ge=20, le=200)] = 200
    requests_per_second: Annotated[float, Field(gt=0, le=5)] | None = 5

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        return (f"{self.credentials}_API_KEY",)


def is_sftp_folder(address: str) -> bool:
    """Whether it is sftp://host:port/folder, with no user or password in it."""
    try:
        parts = urlsplit(address)
        whole = bool(parts.hostname) and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:  # the port or the brackets
        return False
    return whole and address.startswith("sftp://") and "@" not in parts.netloc


class PortalExportSource(_Source):
    """Files of the national portal in a folder: a path or any fsspec address (contracts/portal_export.md)."""

    kind: Literal["portal_export"]
    path: Annotated[str, Field(min_length=1)]
    credentials: Annotated[str, Field(pattern=VARIABLE)] | None = None

    @model_validator(mode="after")
    def _sftp(self) -> PortalExportSource:
        if not _SSH.search(self.path):
            return self
        if not is_sftp_folder(self.path):
            raise ValueError("path: an SFTP folder is written sftp://host:port/folder, with no user or password in it")
        if self.credentials is None:
            raise ValueError("credentials is missing: an sftp:// path needs it, for example DVCQG for DVCQG_USER")
        return self

    @property
    def is_sftp(self) -> bool:
        """Whether its files lie on an SFTP server."""
        return self.path.startswith("sftp://")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        if not self.is_sftp:
            return ()
        user = f"{self.credentials}_USER"
        return (user,) if variable(f"{self.credentials}_KEY_FILE") else (user, f"{self.credentials}_PASSWORD")


PolledSource = OneStopApiSource | OneStopSqlSource | FeedbackApiSource
Source = Annotated[PolledSource | PortalExportSource, Field(discriminator="kind")]
