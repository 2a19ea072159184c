"""Secrets and other variables of the environment, by name; part of onestop.config, which hands them on.

What the environment lacks may come from another place for as long as `fallback` is entered: inside an Airflow task,
the connection of a source. The environment wins, name by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from onestop.errors import ConfigurationError


class Fallback(Protocol):
    """Another place that knows some variables. place: what to call it in messages."""

    place: str

    def value(self, name: str) -> str | None:
        """The variable's value; None where the place does not know it."""


_fallback: ContextVar[Fallback | None] = ContextVar("fallback", default=None)


@contextmanager
def fallback(other: Fallback) -> Iterator[None]:
    """Ask `other` for what the environment lacks while the block runs."""
    token = _fallback.set(other)
    try:
        yield
    finally:
        _fallback.reset(token)


def in_environment(name: str) -> bool:
    """Whether the environment itself gives the variable, or the file that holds it."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def variable(name: str) -> str | None:
    """A variable that is no secret, such as a path; None where it is empty or not set."""
    return os.environ.get(name) or _elsewhere(name)


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
        return _elsewhere(name)
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
        other = _fallback.get()
        raise ConfigurationError(
            f"not set: {', '.join(missing)}",
            next_step="set them in the environment (or NAME_FILE with a path)"
            + (f", or in {other.place}" if other else ""),
        )
    return tuple(value for value in values if value is not None)


def _elsewhere(name: str) -> str | None:
    other = _fallback.get()
    return other.value(name) or None if other else None
