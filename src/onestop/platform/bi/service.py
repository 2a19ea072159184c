"""The process of a project's Superset, for those who only start, stop or look at it."""

from __future__ import annotations

from onestop.config import Settings
from onestop.platform.processes import Service


def service(settings: Settings) -> Service:
    """The web server."""
    return Service("superset", settings.local / "run", settings.local / "logs" / "superset.log")
