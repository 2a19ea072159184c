"""province.yml and the environment -> typed settings. The only reader of either.

The file is checked whole: every mistake is reported at once, with its line and the allowed values.
Secrets are never in the file; they come from the environment (ONESTOP_*, <CREDENTIALS>_CLIENT_ID ...).
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from onestop.clock import parse_moment, system_now
from onestop.config_lines import line_of, mistakes
from onestop.errors import ConfigurationError

_VARIABLE = r"^[A-Z][A-Z0-9_]*$"
_URL = r"^https?://[^\s/]+"
_SSH = re.compile(r"\b(sftp|ssh)://", re.IGNORECASE)
CRON_FIELD = re.compile(r"^[\d*,/\-A-Za-z#L]+$")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Province(_Part):
    """The province: its H-code, its name in Vietnamese, its time zone."""

    code: Annotated[str, Field(pattern=r"^[A-Z]\d{2}$")]
    name_vi: Annotated[str, Field(min_length=1)]
    timezone: str = "Asia/Ho_Chi_Minh"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("no such time zone; for example Asia/Ho_Chi_Minh")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)


class Warehouse(_Part):
    """Where the warehouse is: the name of the environment variable that holds its DSN."""

    dsn_env: Annotated[str, Field(pattern=_VARIABLE)] = "ONESTOP_WAREHOUSE_DSN"


class Landing(_Part):
    """Where deliveries are kept as received: a path or any fsspec address."""

    url: str = ".local/landing"


class Reference(_Part):
    """The folder of the reference CSV files."""

    path: str = "reference"


class Reports(_Part):
    """Where reports are written, and in which language."""

    path: str = ".local/reports"
    language: Literal["vi", "en"] = "vi"


class _Source(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    every: str = "0 2 * * *"
    quarantine_limit: Annotated[float, Field(ge=0, le=1)] = 0.05

    @field_validator("every")
    @classmethod
    def _cron(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != 5 or not all(CRON_FIELD.match(f) for f in fields):
            raise ValueError('not a cron expression of five fields, for example "0 2 * * *"')
        return value


class _Polled(_Source):
    """What sources that are asked for changes since a moment have in common."""

    overlap_minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 60
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    retry_budget_seconds: Annotated[float, Field(ge=0, le=86400)] = 300


class OneStopApiSource(_Polled):
    """A one-stop system that speaks contracts/one_stop_api.yaml."""

    kind: Literal["one_stop_api"]
    base_url: Annotated[str, Field(pattern=_URL)]
    credentials: Annotated[str, Field(pattern=_VARIABLE)]
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        return f"{self.credentials}_CLIENT_ID", f"{self.credentials}_CLIENT_SECRET"


class OneStopSqlSource(_Polled):
    """A one-stop system read from a table or view (contracts/one_stop_sql.md)."""

    kind: Literal["one_stop_sql"]
    dsn_env: Annotated[str, Field(pattern=_VARIABLE)]
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
    credentials: Annotated[str, Field(pattern=_VARIABLE)]
    page_size: Annotated[int, Field(ge=20, le=200)] = 200

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs."""
        return (f"{self.credentials}_API_KEY",)


def _is_sftp_folder(address: str) -> bool:
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
    credentials: Annotated[str, Field(pattern=_VARIABLE)] | None = None

    @model_validator(mode="after")
    def _sftp(self) -> PortalExportSource:
        if not _SSH.search(self.path):
            return self
        if not _is_sftp_folder(self.path):
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


class Settings(_Part):
    """province.yml, and the folder that its relative paths start from."""

    province: Province
    warehouse: Warehouse = Warehouse()
    landing: Landing = Landing()
    reference: Reference = Reference()
    reports: Reports = Reports()
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    file: Path

    @model_validator(mode="after")
    def _ids_differ(self) -> Settings:
        ids = [s.id for s in self.sources]
        doubled = sorted({i for i in ids if ids.count(i) > 1})
        if doubled:
            raise ValueError(f"sources: the id {', '.join(doubled)} is used more than once")
        if "reference" in ids:
            raise ValueError("sources: the id 'reference' is the reference files' own; choose another")
        return self

    @property
    def root(self) -> Path:
        """The folder of province.yml."""
        return self.file.parent

    @property
    def local(self) -> Path:
        """The folder `.local` beside province.yml: servers' data, keys, logs."""
        return self.root / ".local"

    @property
    def zone(self) -> ZoneInfo:
        """The province's time zone."""
        return self.province.zone

    @property
    def landing_url(self) -> str:
        """The landing's address; a plain path is made absolute."""
        url = self.landing.url
        return url if "://" in url else str((self.root / url).resolve())

    @property
    def reference_path(self) -> Path:
        """The folder of the reference files."""
        return (self.root / self.reference.path).resolve()

    @property
    def reports_path(self) -> Path:
        """The folder under which reports are written."""
        return (self.root / self.reports.path).resolve()

    @property
    def warehouse_dsn(self) -> str | None:
        """The DSN from the environment, or None: the embedded server."""
        return os.environ.get(self.warehouse.dsn_env) or None

    def source(self, source_id: str) -> Source:
        """The source of that id.

        Raises:
            ConfigurationError: there is none.
        """
        for source in self.sources:
            if source.id == source_id:
                return source
        known = ", ".join(s.id for s in self.sources)
        raise ConfigurationError(f"{self.file.name} has no source {source_id!r}", next_step=f"choose one of: {known}")


def load(path: Path | str) -> Settings:
    """Read and check province.yml.

    Raises:
        ConfigurationError: the file is missing or wrong; the message lists every mistake with its line.
    """
    file = Path(path).absolute()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(
            f"{path} cannot be read: {problem}",
            next_step="copy province.example.yml to province.yml, or name it with --config",
        ) from problem
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ConfigurationError(f"{file.name} is not YAML: {problem}", next_step="mend the line it names") from problem
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file.name} is empty or no mapping", next_step="start from province.example.yml")
    if "file" in content:
        raise ConfigurationError(
            f"{file.name}, line {line_of(tree, ('file',))}: unknown key 'file'", next_step="remove it"
        )
    try:
        return Settings.model_validate({**content, "file": file})
    except ValidationError as problem:
        raise ConfigurationError(
            f"{file.name} has mistakes:\n" + "\n".join(mistakes(problem, tree)), next_step="mend the lines named above"
        ) from None


def now(settings: Settings, as_of: str | None = None) -> datetime:
    """What "now" means for a run: --as-of, else ONESTOP_AS_OF, else the clock."""
    text = as_of or os.environ.get("ONESTOP_AS_OF")
    return parse_moment(text, settings.zone) if text else system_now()


def variable(name: str) -> str | None:
    """A variable of the environment that is no secret, such as a path; None where it is empty or not set."""
    return os.environ.get(name) or None


def secret(name: str) -> str | None:
    """A secret from the environment, or from the file that <name>_FILE names.

    Raises:
        ConfigurationError: <name>_FILE names a file that cannot be read.
    """
    value = os.environ.get(name)
    if value:
        return value
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except OSError as problem:
        raise ConfigurationError(
            f"{name}_FILE: {problem}", next_step="make the file readable, or unset it"
        ) from problem


def required_secrets(*names: str) -> tuple[str, ...]:
    """Several secrets at once.

    Raises:
        ConfigurationError: naming every one that is missing, not only the first.
    """
    values = [secret(name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if value is None]
    if missing:
        raise ConfigurationError(
            f"not set: {', '.join(missing)}", next_step="set them in the environment (or NAME_FILE with a path)"
        )
    return tuple(value for value in values if value is not None)
