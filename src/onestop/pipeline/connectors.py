"""From a polled source of province.yml to something that can be asked for changes: one connector per kind."""

from __future__ import annotations

from typing import Protocol

from onestop.config import FeedbackApiSource, OneStopApiSource, PolledSource, Settings, required_secrets
from onestop.pipeline.pull import Parser
from onestop.sources import feedback_api, one_stop_api
from onestop.sources.feedback_record import changed_since
from onestop.sources.paging import Feed
from onestop.specs import load_spec


class Connector(Protocol):
    """What every polled source offers."""

    def pages(self, updated_from: str, updated_to: str) -> Feed:
        """Records changed in [updated_from, updated_to), 14 digits of local time, in pages."""
        ...


def connector(settings: Settings, source: PolledSource) -> Connector:
    """The connector of a source, with its secrets.

    Raises:
        ConfigurationError: naming every secret that is missing.
    """
    secrets = required_secrets(*source.secrets)
    if isinstance(source, OneStopApiSource):
        return one_stop_api.OneStopApi(source, *secrets)
    if isinstance(source, FeedbackApiSource):
        return _Feedback(settings, source, secrets[0])
    from onestop.sources.one_stop_sql import OneStopSql  # SQLAlchemy only where it is used

    return OneStopSql(
        source.id,
        secrets[0],
        source.table,
        zone=settings.zone,
        page_size=source.page_size,
        timeout_seconds=source.timeout_seconds,
        retry_budget_seconds=source.retry_budget_seconds,
        requests_per_second=source.requests_per_second,
        fields=[item.field for item in load_spec("one_stop_dossier").fields],
    )


class _Feedback:
    """The feedback system asks for moments with an offset, and knows no upper end."""

    def __init__(self, settings: Settings, source: FeedbackApiSource, api_key: str) -> None:
        self._zone = settings.zone
        self._api = feedback_api.FeedbackApi(
            source.id,
            source.base_url,
            api_key,
            credentials=source.credentials,
            zone=settings.zone,
            page_size=source.page_size,
            requests_per_second=source.requests_per_second,
            timeout_seconds=source.timeout_seconds,
            retry_budget_seconds=source.retry_budget_seconds,
        )

    def pages(self, updated_from: str, updated_to: str) -> Feed:
        return self._api.pages(changed_since(updated_from, self._zone), updated_to)


def parser(kind: str) -> Parser:
    """What reads a landed page of this kind of source again."""
    return feedback_api.parse_page if kind == "feedback_api" else one_stop_api.parse_page
