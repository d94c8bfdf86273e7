"""Progress of long work: bars in a terminal or a notebook, plain lines in a log.

Work reports in one of two ways. A loop calls a function (``progress``). Threads and worker processes add to counters of
their process (``add``), or an engine tells what was counted elsewhere (``raise_to``), and a watcher shows the counters
(``watch``). They serve the eye alone: an engine may run a bundle twice, and then they are too high.
"""

import collections
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Protocol

from seq2seq_arith.base import events, notebook

LINE_SECONDS = 5.0  # between two lines in a log
BAR_SECONDS = 0.1  # between two looks at the counters
CELL_SECONDS = 0.3  # between two updates of a notebook's cell
CELL_WIDTH = 30  # characters of a bar there

# Called with the units done so far, and a short remark.
ReportProgress = Callable[..., None]

_lock = threading.Lock()
_counts: collections.Counter[str] = collections.Counter()


def add(name: str, amount: int) -> None:
    """Adds to a counter of this process."""
    with _lock:
        _counts[name] += amount


def raise_to(name: str, value: int) -> None:
    """Sets a counter of this process to what was counted elsewhere, if that is more."""
    with _lock:
        _counts[name] = max(_counts[name], value)


def count(name: str) -> int:
    """The value of a counter since the last ``reset``."""
    return _counts[name]


def reset() -> None:
    """Sets all counters to zero."""
    with _lock:
        _counts.clear()


def no_progress(done: int, remark: str = "") -> None:
    """A ``ReportProgress`` for short work: shows nothing."""


@contextlib.contextmanager
def progress(title: str, total: int, unit: str = "steps") -> Iterator[ReportProgress]:
    """Shows one piece of work on standard output while the block runs.

    Args:
      title: What is being done.
      total: How many units complete it.
      unit: What is counted.

    Yields:
      A function to call with the units done so far and a short remark.
    """
    with _display(sys.stdout, {unit: total}, title) as display:
        yield lambda done, remark="": display.update({unit: done}, remark)


@contextlib.contextmanager
def watch(
    totals: dict[str, int], current: Callable[[str], int], step: Callable[[], str] = lambda: ""
) -> Iterator[None]:
    """Shows counters on standard error while the block runs.

    Args:
      totals: What each counter will reach, by its name.
      current: From a name to the counter's value; a value above the total is shown as the total.
      step: The name of what is done now.
    """
    stop = threading.Event()
    with _display(sys.stderr, totals) as display:

        def look() -> None:
            waiting = True
            with contextlib.suppress(OSError):  # nobody reads on, or the disk is full: the work is not told by a thread
                while waiting:
                    waiting = not stop.wait(display.seconds)
                    if waiting or display.shows_end:
                        display.update({name: current(name) for name in totals}, step())

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


class _Display(Protocol):
    seconds: float  # between two updates by a watcher
    shows_end: bool  # whether the last update matters

    def update(self, done: dict[str, int], remark: str = "") -> None: ...


@contextlib.contextmanager
def _display(stream: IO[str], totals: dict[str, int], title: str = "") -> Iterator[_Display]:
    if notebook.is_notebook():
        cell = _Cell(totals, title)
        try:
            yield cell
        finally:
            cell.close()
        return
    if events.are_told():
        yield _Events(totals, title)
        return
    if not stream.isatty() or notebook.started_this_process():
        yield _Lines(stream, totals, title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    remark = TextColumn("{task.fields[remark]}")
    # A titled bar makes way for the line that says how its work ended.
    with Progress(*columns, remark, console=Console(file=stream), transient=bool(title)) as bars:
        yield _Bars(bars, totals, title)


class _Bars:
    shows_end = True

    def __init__(self, bars, totals: dict[str, int], title: str) -> None:
        self.seconds = BAR_SECONDS
        self._bars = bars
        self._totals = totals
        self._ids = {name: bars.add_task(title or name, total=total, remark="") for name, total in totals.items()}

    def update(self, done: dict[str, int], remark: str = "") -> None:
        *_, last = done
        for name, value in done.items():
            shown = remark if name == last else ""
            self._bars.update(self._ids[name], completed=min(value, self._totals[name]), remark=shown)


class _Cell:
    """A bar in an output of a notebook's cell. A titled one makes way, as in a terminal."""

    seconds = CELL_SECONDS
    shows_end = True

    def __init__(self, totals: dict[str, int], title: str) -> None:
        self._totals = totals
        self._title = title
        self._output = notebook.output()
        self._last = time.monotonic()
        self._is_shown = False

    def update(self, done: dict[str, int], remark: str = "") -> None:
        now = time.monotonic()
        if self._title and now - self._last < self.seconds:
            return  # a watcher keeps the time itself
        self._last, self._is_shown = now, True
        lines = [self._line(name, min(done[name], total), remark) for name, total in self._totals.items()]
        self._output.show("progress", "\n".join(lines))

    def _line(self, name: str, done: int, remark: str) -> str:
        total = self._totals[name]
        full = CELL_WIDTH * done // max(1, total)
        bar = "█" * full + "░" * (CELL_WIDTH - full)
        return f"{f'{self._title}  ' * bool(self._title)}{bar}  {done:,} of {total:,} {name}  {remark}".rstrip()

    def close(self) -> None:
        if self._title and self._is_shown:
            self._output.show("progress", "")


class _Events:
    """Progress for other programs."""

    seconds = events.PROGRESS_SECONDS
    shows_end = True

    def __init__(self, totals: dict[str, int], title: str) -> None:
        self._totals = totals
        self._title = title
        self._last = time.monotonic()

    def update(self, done: dict[str, int], remark: str = "") -> None:
        now = time.monotonic()
        if self._title and now - self._last < self.seconds:
            return  # a watcher keeps the time itself
        self._last = now
        done = {name: min(done[name], total) for name, total in self._totals.items()}
        events.emit("progress", title=self._title, done=done, total=self._totals, step=remark)


class _Lines:
    shows_end = False

    def __init__(self, stream: IO[str], totals: dict[str, int], title: str) -> None:
        self.seconds = LINE_SECONDS
        self._stream = stream
        self._totals = totals
        self._title = title
        self._start = self._last = time.monotonic()

    def update(self, done: dict[str, int], remark: str = "") -> None:
        now = time.monotonic()
        complete = all(done[name] >= total for name, total in self._totals.items())
        # A watcher keeps the time itself, and shows counters that are complete while the work is not.
        if self._title and (now - self._last < self.seconds or complete):
            return
        self._last = now
        parts = (f"{min(done[name], total):,} of {total:,} {name}" for name, total in self._totals.items())
        prefix = self._title or f"{now - self._start:.0f} s"
        line = f"{prefix}: {', '.join(parts)}  {remark}".rstrip()
        print(line + "\n", end="", file=self._stream, flush=True)  # in one piece: other threads write, too
