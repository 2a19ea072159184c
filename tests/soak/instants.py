"""Faults that strike at a random instant of a step: a process killed, the server killed, its connections cut."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import closing

import psutil
import psycopg

from soak import checks
from soak.place import PERIOD, Commands, Place

IN_A_ROW = (
    5  # so many are struck one after the other before the step is done: each begins with what the one before left
)
_TRIES = 30
Act = Callable[[Place, random.Random], None]


def kill(here: Place, rng: random.Random) -> None:
    """kill -9 of the command, of the dbt that it started, or of both in one."""
    here.player.kill(rng.choice(("command", "all", "children")))


def kill_server(here: Place, rng: random.Random) -> None:
    """kill -9 of PostgreSQL's first process."""
    server = psutil.Process(here.postgres.status()["pid"])
    server.kill()
    psutil.wait_procs([server], timeout=10)


def cut(here: Place, rng: random.Random) -> None:
    """Every connection of the product is ended by the server."""
    with closing(psycopg.connect(here.postgres.admin_dsn, autocommit=True)) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'onestop%'"
            " and datname = 'onestop'"
        )


def struck(here: Place, step: str, act: Act, rng: random.Random) -> None:
    """Run the step and strike once, at an instant drawn over its usual duration; the server is up again afterwards.

    A strike that the command did not notice counts for nothing, and the next try is drawn.
    """
    for _ in range(_TRIES):
        if not remaining(here, step):
            here.back_to(step)
        left = rng.random() * here.seconds[step]
        for words in remaining(here, step):
            began = time.monotonic()
            here.player.start(*words)
            code = here.player.wait(max(left, 0.0))
            if code is None:
                act(here, rng)
                code, printed = here.player.finish()
                here.postgres.start()
                if code:
                    if code != -signal.SIGKILL:
                        checks.clear(printed)
                    return
                break
            assert code == 0, here.player.printed()[-3000:]
            left -= time.monotonic() - began
        else:
            here.seconds[step] *= 0.9  # it is faster now
        if step != "publish":
            here.back_to(step)
    raise AssertionError(f"{step} could not be struck in {_TRIES} tries")


def remaining(here: Place, step: str) -> Commands:
    """The step's commands that are still to be called, as one who looks at `onestop quarter history` finds them."""
    if step != "publish":
        return here.steps[step]
    status = here.rows(
        "select status from published.edition where period = %s and version = %s and period_convention = 'statutory'",
        PERIOD, here.nights,
    )  # fmt: skip
    done = {"draft": 0, "approved": 2, "published": 3}[status[0][0]] if status else 0
    return here.steps[step][done:]


def mended(here: Place, step: str) -> None:
    """Call the step's commands again: that is all that is done by hand; then everything is as if nothing had been."""
    for words in remaining(here, step):
        here.player.run(*words)
    checks.same(here, step)


def series(
    here: Place, step: str, acts: Iterable[Act], rng: random.Random, done: Callable[[], None] | None = None
) -> None:
    """Strike in these ways, call the step to its end after every few, and note each (`done`) once that has come out right."""
    waiting = list(acts)
    while waiting:
        now, waiting = waiting[:IN_A_ROW], waiting[IN_A_ROW:]
        here.postgres.start()
        here.back_to(step)
        for act in now:
            struck(here, step, act, rng)
            checks.kept(here, step)
        mended(here, step)
        for _ in now:
            if done:
                done()
