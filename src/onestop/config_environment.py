"""Secrets and other variables of the environment, by name; part of onestop.config, which hands them on."""

from __future__ import annotations

import os
from pathlib import Path

from onestop.errors import ConfigurationError


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
    except (OSError, UnicodeDecodeError) as problem:
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
