"""The part `delivery` of province.yml: who receives a published quarter, what of it, and how it gets there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from onestop.config_environment import variable
from onestop.config_mail import ADDRESS, Mail
from onestop.config_sources import VARIABLE, Part, is_sftp_folder

Channel = Literal["mail", "sftp", "folder"]


class Recipient(Part):
    """Who receives, one way: all files of the edition, or with `unit` only the part of that unit."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    unit: Annotated[str, Field(min_length=1)] | None = None
    mail: Annotated[str, Field(pattern=ADDRESS)] | None = None
    sftp: str | None = None
    folder: Annotated[str, Field(min_length=1)] | None = None
    credentials: Annotated[str, Field(pattern=VARIABLE)] | None = None

    @field_validator("sftp")
    @classmethod
    def _sftp_folder(cls, value: str | None) -> str | None:
        if value is not None and not is_sftp_folder(value):
            raise ValueError("an SFTP folder is written sftp://host:port/folder, with no user or password in it")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Recipient:
        if len([way for way in (self.mail, self.sftp, self.folder) if way is not None]) != 1:
            raise ValueError("give one of mail, sftp and folder; who receives in two ways is two recipients")
        if (self.sftp is not None) != (self.credentials is not None):
            raise ValueError(
                "credentials: sftp needs it, for example OFFICE for OFFICE_USER; mail and folder have none"
            )
        return self

    @property
    def channel(self) -> Channel:
        """Which way."""
        return "mail" if self.mail else "sftp" if self.sftp else "folder"

    @property
    def address(self) -> str:
        """Where to."""
        return self.mail or self.sftp or self.folder or ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        if not self.sftp:
            return ()
        user = f"{self.credentials}_USER"
        return (user,) if variable(f"{self.credentials}_KEY_FILE") else (user, f"{self.credentials}_PASSWORD")


class Delivery(Part):
    """How often a delivery is tried, how long units have to answer a draft, where letters come back to, the recipients."""

    mail: Mail | None = None
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 30
    answer_days: Annotated[int, Field(ge=0, le=60)] = 3
    ask_units: bool = True
    returned: Annotated[str, Field(min_length=1)] | None = None
    recipients: tuple[Recipient, ...] = ()

    @model_validator(mode="after")
    def _recipients_differ(self) -> Delivery:
        ids = [one.id for one in self.recipients]
        places = [(one.unit, one.address) for one in self.recipients]
        doubled = sorted({i for i in ids if ids.count(i) > 1})
        if doubled:
            raise ValueError(f"recipients: the id {', '.join(doubled)} is used more than once")
        twice = sorted({one.id for one in self.recipients if places.count((one.unit, one.address)) > 1})
        if twice:
            raise ValueError(f"recipients: {', '.join(twice)} would receive the same at the same place")
        if self.mail is None and any(one.channel == "mail" for one in self.recipients):
            raise ValueError("mail is missing: recipients by e-mail need a server (host, sender)")
        return self
