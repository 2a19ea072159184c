"""What the demonstration shows: its steps as they go, and the figures next to those they must equal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


@dataclass
class Step:
    """One step; `detail` says how far it is, and what it did once it is over."""

    name: str
    detail: str = ""
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    failed: bool = False

    def end(self, failed: bool) -> None:
        """The step is over."""
        self.seconds = time.monotonic() - self.began
        self.failed = failed


class Screen:
    """The steps, live on a terminal, one line per finished step elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._steps: list[Step] = []
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._show, console=console, refresh_per_second=4)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show the steps while the block runs."""
        if not self.console.is_terminal:
            yield
            return
        with self._live:
            yield

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step, timed; an exception marks it as failed and goes on."""
        step = Step(name)
        self._steps.append(step)
        failed = True
        try:
            yield step
            failed = False
        finally:
            step.end(failed)
            if not self.console.is_terminal:
                self.console.print(self._line(step), highlight=False)

    def _show(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        for step in self._steps:
            mark: RenderableType = self._spinner if step.seconds is None else _mark(not step.failed)
            grid.add_row(
                mark, step.name, Text(_clock(step), style="cyan", justify="right"), Text(step.detail, style="dim")
            )
        return Group(grid)

    @staticmethod
    def _line(step: Step) -> str:
        return f"{'✗' if step.failed else '✓'} {step.name:<28} {_clock(step):>7}  {step.detail}"


def figures_table(
    title: str,
    names: Mapping[str, str],
    built: Mapping[str, int],
    published: Mapping[str, int],
    planted: Mapping[str, int],
) -> tuple[Table, bool]:
    """The figures that were built beside those published and those that the sandbox counted.

    Args:
        names: figure to its words, in the order to show.
        published, planted: the figures to compare with; the column of what is published is left out if it is empty.

    Returns:
        The table, and whether every figure equals each figure that it has beside it.
    """
    table = Table(title=title, title_justify="left")
    headings = ("", "built", "published", "planted", "") if published else ("", "built", "planted", "")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    right = True
    for column, words in names.items():
        beside = [known[column] for known in (published, planted) if column in known]
        same = bool(beside) and all(built.get(column) == figure for figure in beside)
        right &= same
        sides = (built, published, planted) if published else (built, planted)
        shown = (f"{known[column]:,}" if column in known else "–" for known in sides)
        table.add_row(words, *shown, _mark(same))
    return table, right


def _mark(good: bool) -> Text:
    return Text("✓", style="green") if good else Text("✗", style="bold red")


def _clock(step: Step) -> str:
    seconds = time.monotonic() - step.began if step.seconds is None else step.seconds
    return f"{seconds:.1f} s"
