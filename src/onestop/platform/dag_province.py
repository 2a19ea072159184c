"""Whose DAGs these are: the settings that every DAG file, and what its tasks leave behind, go by."""

from __future__ import annotations

import os

from onestop.config import Settings, load
from onestop.errors import ConfigurationError
from onestop.platform.names import CONFIG_VARIABLE


def settings() -> Settings:
    """The settings of the province.yml that ONESTOP_CONFIG names.

    Raises:
        ConfigurationError: the variable is not set, or the file is missing or wrong.
    """
    path = os.environ.get(CONFIG_VARIABLE)
    if not path:
        raise ConfigurationError(
            f"{CONFIG_VARIABLE} is not set, so the DAGs do not know their province",
            next_step=f"set {CONFIG_VARIABLE} to the path of province.yml for every Airflow process",
        )
    return load(path)
