"""From a source of province.yml to something that can be asked for changes: one connector per kind."""

from __future__ import annotations

from typing import Protocol

from onestop.config import OneStopApiSource, Settings, Source, required_secrets
from onestop.sources.one_stop_api import OneStopApi
from onestop.sources.paging import Feed
from onestop.specs import load_spec


class Connector(Protocol):
    """What every polled source offers."""

    def pages(self, updated_from: str, updated_to: str) -> Feed:
        """Records changed in [updated_from, updated_to), 14 digits of local time, in pages."""
        ...


def connector(settings: Settings, source: Source) -> Connector:
    """The connector of a source, with its secrets.

    Raises:
        ConfigurationError: naming every secret that is missing.
    """
    secrets = required_secrets(*source.secrets)
    if isinstance(source, OneStopApiSource):
        return OneStopApi(source, *secrets)
    from onestop.sources.one_stop_sql import OneStopSql  # SQLAlchemy only where it is used

    return OneStopSql(
        source.id,
        secrets[0],
        source.table,
        zone=settings.zone,
        page_size=source.page_size,
        timeout_seconds=source.timeout_seconds,
        retry_budget_seconds=source.retry_budget_seconds,
        fields=[item.field for item in load_spec("one_stop_dossier").fields],
    )
