"""The mail server of province.yml, in the parts `delivery` and `alerts` alike, and what a mail address looks like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from onestop.config_sources import VARIABLE, Part

# Printable ASCII around one @, nothing that could end a header's line or begin a second address.
ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"


class Mail(Part):
    """The server that takes e-mail, and in whose name it is sent."""

    host: Annotated[str, Field(pattern=r"^[^\s/:@]+$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, Field(pattern=ADDRESS)]
    credentials: Annotated[str, Field(pattern=VARIABLE)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Mail:
        if self.security == "none" and self.credentials:
            raise ValueError("credentials: a password is sent over starttls or tls only; set `security`")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        return (f"{self.credentials}_USER", f"{self.credentials}_PASSWORD") if self.credentials else ()
