"""The errors that reach a person: what happened, where, and what to do next.

Each kind says by its class who must act and whether a retry can help; the command line turns it
into an exit code, a DAG task into a retry or a final failure.
"""

from __future__ import annotations


class OnestopError(Exception):
    """Something failed in a way that a person can act on.

    Args:
        message: what happened, naming the source, the file or page and the row where there is one.
        next_step: what to do about it.
    """

    exit_code = 1
    retryable = False
    about: str | None = None  # what an alert names, where that is not the step that failed

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  Next step: {self.next_step}" if self.next_step else self.message


class ConfigurationError(OnestopError):
    """province.yml, the environment or a command's words are wrong (exit code 2)."""

    exit_code = 2


class SourceUnavailable(OnestopError):
    """A source system could not be read; nothing is wrong with the data. A later run may succeed."""

    retryable = True


class WindowClosed(SourceUnavailable):
    """The hours in which a source may be asked are over, or have not begun. A later attempt is as late.

    Args:
        was_asked: the run had begun inside of them; else it asked the source nothing.
    """

    retryable = False

    def __init__(self, message: str, *, next_step: str | None = None, was_asked: bool = True) -> None:
        super().__init__(message, next_step=next_step)
        self.was_asked = was_asked


class DataRefused(OnestopError):
    """What a source delivered was refused whole (exit code 3). Asking again will not help."""

    exit_code = 3


class WarehouseUnavailable(OnestopError):
    """PostgreSQL, or the platform around it, cannot be reached or started."""

    retryable = True


class BuildFailed(OnestopError):
    """dbt could not build the models, or a test of what it built failed."""


class DeliveryFailed(OnestopError):
    """Something was not delivered, or nobody knows whether it was; the others have theirs.

    Args:
        about: the period.
        retryable: whether a later try may succeed by itself.
    """

    def __init__(self, message: str, *, next_step: str, about: str, retryable: bool) -> None:
        super().__init__(message, next_step=next_step)
        self.about, self.retryable = about, retryable
