"""Pulling a feed into landing beside a bare client that reads the same pages and keeps nothing.

Both ask the same server, which makes its pages as fast as it can; the bare client only reads each answer's body for the
next cursor. Ours also renews tokens, checks every page, watches for loops, compresses, encrypts and writes.
"""

from __future__ import annotations

import os
import secrets
from contextlib import closing

import httpx
import orjson

from bench.place import Place, place
from bench.rates import Rate, against, median
from onestop.config import OneStopApiSource
from onestop.landing.store import LandingStore
from onestop.pipeline.collector import quiet_collector
from onestop.pipeline.connectors import connector
from onestop.pipeline.keys import load_keys
from onestop.pipeline.pull import pull

BARE = "bare httpx client"
RANGE = ("19700101000000", "20240926000000")


def measure(dossiers: int) -> list[Rate]:
    """Records a second, in one run from one server."""
    with place(dossiers) as here:
        count = _bare(here)
        seconds = {
            BARE: median(lambda: _bare(here)),
            "connector and landing": median(lambda: _ours(here, count)),
        }
    return against(BARE, count, seconds)


def _source(here: Place) -> OneStopApiSource:
    source = here.settings.source("igate")
    assert isinstance(source, OneStopApiSource)
    return source


def _bare(here: Place) -> int:
    source = _source(here)
    records = 0
    with httpx.Client(base_url=str(source.base_url), timeout=60) as client:
        credentials = {
            "grant_type": "client_credentials",
            "client_id": os.environ["IGATE_CLIENT_ID"],
            "client_secret": os.environ["IGATE_CLIENT_SECRET"],
        }
        token = client.post("/oauth2/token", data=credentials).raise_for_status().json()["access_token"]
        cursor: str | None = None
        while records == 0 or cursor:
            params: dict[str, str | int] = {"updated_from": RANGE[0], "updated_to": RANGE[1], "limit": source.page_size}
            if cursor:
                params["cursor"] = cursor
            answer = client.get("/v1/dossiers", params=params, headers={"Authorization": f"Bearer {token}"})
            page = orjson.loads(answer.raise_for_status().content)
            records += len(page["data"])
            cursor = page["next_cursor"]
    return records


def _ours(here: Place, expected: int) -> None:
    """As a run pulls and lands, without what is done with the pages afterwards."""
    source = _source(here)
    feed = connector(here.settings, source)
    landed = LandingStore(here.settings.landing_url, load_keys(here.settings).data).open_run(
        "igate", "dossier", f"bench-{secrets.token_hex(4)}"
    )
    with quiet_collector(), closing(pull(feed.pages(*RANGE), landed)) as pages:
        assert sum(len(page.records) for page in pages) == expected
