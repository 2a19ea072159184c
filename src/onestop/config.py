"""province.yml and the environment -> typed settings. The only reader of either.

The file is checked whole: every mistake is reported at once, with its line and the allowed values.
Secrets are never in the file; they come from the environment (ONESTOP_*, <CREDENTIALS>_CLIENT_ID ...).
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from onestop.clock import parse_moment, system_now
from onestop.config_alerts import Alerts, Maintenance, Watch
from onestop.config_delivery import Delivery, Recipient
from onestop.config_environment import fallback, in_environment, required_secrets, secret, variable
from onestop.config_lines import line_of, mistakes
from onestop.config_mail import Mail
from onestop.config_sources import (
    VARIABLE,
    FeedbackApiSource,
    OneStopApiSource,
    OneStopSqlSource,
    Part,
    PolledSource,
    PortalExportSource,
    Source,
)
from onestop.errors import ConfigurationError

__all__ = [
    "Alerts",
    "FeedbackApiSource",
    "Mail",
    "OneStopApiSource",
    "OneStopSqlSource",
    "PolledSource",
    "PortalExportSource",
    "Recipient",
    "Settings",
    "Source",
    "fallback",
    "in_environment",
    "load",
    "now",
    "required_secrets",
    "secret",
    "variable",
]

LANDING_OPTIONS = "ONESTOP_LANDING_OPTIONS"


class Province(Part):
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


class Warehouse(Part):
    """Where the warehouse is: the name of the environment variable that holds its DSN."""

    dsn_env: Annotated[str, Field(pattern=VARIABLE)] = "ONESTOP_WAREHOUSE_DSN"


class Landing(Part):
    """Where deliveries are kept as received: a path or any fsspec address."""

    url: str = ".local/landing"


class Reference(Part):
    """The folder of the reference CSV files."""

    path: str = "reference"


class Reports(Part):
    """Where reports are written, in which language, what the office adds (a template, words, layouts), what the public sees."""

    path: str = ".local/reports"
    language: Literal["vi", "en"] = "vi"
    template: str | None = None
    narrative: str = "narrative"
    forms: str | None = None
    small_cells: Annotated[int, Field(ge=0, le=100)] = 0


class Ranking(Part):
    """When a unit is compared with others of its level."""

    minimum_dossiers: Annotated[int, Field(ge=0)] = 10


class Retention(Part):
    """How many years back a past state of knowledge can be asked for."""

    years: Annotated[int, Field(ge=1, le=100)] = 10


class Reconcile(Part):
    """From which share of differing dossiers on a reconciliation is a failure; not set: never."""

    limit: Annotated[float, Field(ge=0, le=1)] | None = None


class Editions(Part):
    """Who may sign a published quarter: with two persons, who drafted an edition may not approve it."""

    two_persons: bool = False


class Settings(Part):
    """province.yml, and the folder that its relative paths start from."""

    province: Province
    warehouse: Warehouse = Warehouse()
    landing: Landing = Landing()
    reference: Reference = Reference()
    reports: Reports = Reports()
    ranking: Ranking = Ranking()
    retention: Retention = Retention()
    reconcile: Reconcile = Reconcile()
    editions: Editions = Editions()
    delivery: Delivery = Delivery()
    alerts: Alerts = Alerts()
    watch: Watch = Watch()
    maintenance: Maintenance = Maintenance()
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
        if unknown := sorted(set(self.alerts.owners) - {*ids, "reference"}):
            raise ValueError(f"alerts.owners: there is no source {', '.join(unknown)}")
        if self.alert_mail is None and any("@" in target for target in self.alerts.targets):
            raise ValueError("alerts.mail is missing: mail addresses are named, and no mail server")
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
    def landing_options(self) -> dict[str, Any]:
        """What the landing's address wants beside itself, such as a log-in: the options of its kind, a secret.

        Raises:
            ConfigurationError: the variable holds no JSON object.
        """
        text = secret(LANDING_OPTIONS)
        if text is None:
            return {}
        try:
            options = json.loads(text)
        except ValueError:
            options = None
        if not isinstance(options, dict):
            raise ConfigurationError(
                f"{LANDING_OPTIONS} is no JSON object", next_step='write it like {"username": "landing"}'
            )
        return options

    @property
    def reference_path(self) -> Path:
        """The folder of the reference files."""
        return (self.root / self.reference.path).resolve()

    @property
    def reports_path(self) -> Path:
        """The folder under which reports are written."""
        return (self.root / self.reports.path).resolve()

    @property
    def template_path(self) -> Path | None:
        """The office's own template of the written report."""
        return (self.root / self.reports.template).resolve() if self.reports.template else None

    @property
    def forms_path(self) -> Path | None:
        """The folder of the province's own layouts of the other forms."""
        return (self.root / self.reports.forms).resolve() if self.reports.forms else None

    @property
    def narrative_path(self) -> Path:
        """The folder of what the office wrote of its periods."""
        return (self.root / self.reports.narrative).resolve()

    @property
    def alert_mail(self) -> Mail | None:
        """The mail server of alerts: their own, else that of deliveries."""
        return self.alerts.mail or self.delivery.mail

    @property
    def backups_path(self) -> Path:
        """The folder of the backups."""
        return (self.root / self.maintenance.path).resolve()

    @property
    def returned_mail_path(self) -> Path | None:
        """The folder into which letters come back that a mail server could not deliver."""
        return (self.root / self.delivery.returned).resolve() if self.delivery.returned else None

    @property
    def metrics_path(self) -> Path:
        """The file of figures for Prometheus' node exporter."""
        return (self.root / self.watch.metrics).resolve()

    @property
    def warehouse_dsn(self) -> str | None:
        """The DSN from the environment or a file, or None: the embedded server."""
        return secret(self.warehouse.dsn_env)

    def warehouse_dsn_of(self, role: str) -> str | None:
        """The DSN of a login of its own for a role (loader, transformer, publisher), or None: the owner's."""
        return secret(f"{self.warehouse.dsn_env}_{role.upper()}")

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
