"""Progress of long work: bars in a terminal, one output of a notebook's cell, lines in a log, or events (``--json``).

Work reports its progress in one of two ways. A loop calls a function (``progress``). Threads add to counters of this
process (``add``), and a watcher displays the counters (``watch``). They are for display only: a runner may run a
bundle twice, which makes them too high.

All of it goes to standard error. The bars are tqdm's.
"""

import contextlib
import html
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from seq2seq_arith.base import events, process

LINE_SECONDS, NEVER = 5.0, threading.TIMEOUT_MAX  # between two lines in a log, and for no lines at all
BAR_SECONDS = 0.1  # between two reads of the counters
CELL_SECONDS = 0.3  # between two updates of a notebook's cell
CELL_WIDTH = 90  # characters of a line with a bar in a cell
# Columns need a monospaced font, which some pages do not use for every <pre>.
PLAIN = '<pre style="font-family: monospace">'

T = TypeVar("T")
# Called with the units done so far, and a short remark.
ReportProgress = Callable[..., None]

_lock = threading.Lock()


def add(name: str, amount: int) -> None:
    """Adds to a counter of this process."""
    with _lock:
        process.current().counts[name] += amount


def count(name: str) -> int:
    """The value of a counter since the last ``reset``."""
    return process.current().counts[name]


def reset() -> None:
    """Sets all counters to zero."""
    with _lock:
        process.current().counts.clear()


def no_progress(done: int, remark: str = "") -> None:
    """A ``ReportProgress`` for short work, which displays nothing."""


@contextlib.contextmanager
def progress(title: str, total: int, unit: str = "steps") -> Iterator[ReportProgress]:
    """Displays one piece of work until the block ends; yields a ``ReportProgress``."""
    last = time.monotonic()

    def report(done: int, remark: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= display.seconds and (display.shows_end or done < total):
            last = time.monotonic()
            display.update({unit: done}, remark)

    with contextlib.closing(_display({unit: total}, title)) as display:
        yield report


def counted(items: Iterable[T], total: int, title: str, unit: str) -> Iterator[T]:
    """The items, one by one, whose number is displayed as progress.

    >>> list(counted("abc", 3, "reads", "letters"))
    ['a', 'b', 'c']
    """
    with progress(title, total, unit) as report_progress:
        for number, item in enumerate(items, 1):
            yield item
            report_progress(number)


@contextlib.contextmanager
def watch(
    totals: dict[str, int], current: Callable[[str], int], step: Callable[[], str] = lambda: ""
) -> Iterator[None]:
    """Displays counters while the block runs, each up to its total; ``step`` returns the name of the current step."""
    stop = threading.Event()

    def look() -> None:
        waiting = True
        with contextlib.suppress(OSError):  # the reader has gone, or the disk is full: the work will notice
            while waiting:
                waiting = not stop.wait(display.seconds)
                if waiting or display.shows_end:
                    display.update({name: current(name) for name in totals}, step())

    with contextlib.closing(_display(totals)) as display:
        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


class _Lines:
    """Lines in a log; the subclasses display progress elsewhere."""

    shows_end = False  # whether the last update is displayed in any case

    def __init__(self, seconds: float, totals: dict[str, int], title: str) -> None:
        self.seconds = seconds
        self.totals = totals
        self.title = title
        self.start = time.monotonic()

    def update(self, done: dict[str, int], remark: str) -> None:
        self.show({name: min(done[name], total) for name, total in self.totals.items()}, remark)

    def show(self, done: dict[str, int], remark: str) -> None:
        counts = ", ".join(f"{done[name]:,} of {total:,} {name}" for name, total in self.totals.items())
        line = f"{self.title or f'{time.monotonic() - self.start:.0f} s'}: {counts}  {remark}"
        print(line.rstrip() + "\n", end="", file=sys.stderr, flush=True)  # in one write: other threads write, too

    def close(self) -> None:
        pass


class _Events(_Lines):
    shows_end = True

    def show(self, done: dict[str, int], remark: str) -> None:
        seconds = time.monotonic() - self.start
        left = seconds_left(seconds, done, self.totals)
        events.emit("progress", title=self.title, done=done, total=self.totals, step=remark, seconds_left=left)


def seconds_left(seconds: float, done: dict[str, int], totals: dict[str, int]) -> float | None:
    """The time until the last counter reaches its total, at its speed so far; None before each of them has begun.

    >>> seconds_left(10, {"draws": 50, "shards": 2}, {"draws": 100, "shards": 8})
    30.0
    >>> seconds_left(10, {"draws": 50, "shards": 0}, {"draws": 100, "shards": 8})
    """
    if not all(done[name] for name, total in totals.items() if total):
        return None
    return round(
        max((seconds * (total - done[name]) / done[name] for name, total in totals.items() if total), default=0.0), 1
    )


class _Bars(_Lines):
    shows_end = True

    def __init__(self, *arguments: Any) -> None:
        from tqdm import tqdm

        super().__init__(*arguments)
        self.bars: dict[str, tqdm] = {}
        columns, lines = shutil.get_terminal_size((80, 24))  # tqdm itself displays nothing if the size is unknown
        options: dict[str, Any] = {"file": sys.stderr, "leave": not self.title, "ncols": columns - 1, "nrows": lines}
        for place, (name, total) in enumerate(self.totals.items()):
            options |= {"desc": self.title or name, "unit": f" {name}", "unit_scale": total >= 10**6}
            self.bars[name] = tqdm(total=total, position=place, **options)

    def show(self, done: dict[str, int], remark: str) -> None:
        *_, last = done
        for name, bar in self.bars.items():
            bar.n = done[name]
            bar.set_postfix_str(remark if name == last else "")

    def close(self) -> None:
        for bar in self.bars.values():
            bar.close()


class _Cell(_Lines):
    shows_end = True

    def __init__(self, *arguments: Any) -> None:
        from tqdm import tqdm  # imported here: two threads that import it concurrently may see it incomplete

        super().__init__(*arguments)
        self.bar = tqdm.format_meter
        self.output = process.current().output or Output()

    def show(self, done: dict[str, int], remark: str) -> None:
        seconds = time.monotonic() - self.start
        lines = [
            self.bar(n, self.totals[name], seconds, CELL_WIDTH, self.title or name, unit=f" {name}")
            for name, n in done.items()
        ]
        self.output.show("progress", ("\n".join(lines) + f"  {remark}").rstrip())

    def close(self) -> None:
        if self.title:
            self.output.remove("progress")


def _display(totals: dict[str, int], title: str = "") -> _Lines:
    if process.current().is_silent or not process.current().has_progress:
        return _Lines(NEVER, totals, title)
    if is_notebook():
        return _Cell(CELL_SECONDS, totals, title)
    if events.are_written():
        return _Events(events.PROGRESS_SECONDS, totals, title)
    # If a cell runs a program, such as !arith-data, a notebook keeps each redraw of a bar as text.
    if sys.stderr.isatty() and "JPY_PARENT_PID" not in os.environ:
        return _Bars(BAR_SECONDS, totals, title)
    return _Lines(LINE_SECONDS, totals, title)


class Output:
    """One output of a notebook's cell, of named parts, one below the other; each part can be replaced.

    The output appears with its first part. The saved notebook contains its last state.
    """

    def __init__(self) -> None:
        self._parts: dict[str, tuple[str, ...]] = {}
        self._handle: Any = None
        self._lock = threading.Lock()

    def show(self, part: str, text: str, markup: str = "") -> None:
        """Replaces or adds a part, as text and as HTML."""
        self._replace(part, text, markup or f"{PLAIN}{html.escape(text)}</pre>")

    def remove(self, part: str) -> None:
        """Removes a part, if it exists."""
        if part in self._parts:
            self._replace(part, "", "")

    def _replace(self, part: str, *shown: str) -> None:
        from IPython.display import display  # type: ignore[reportMissingImports]

        with self._lock:
            self._parts[part] = shown
            plain, marked = zip(*self._parts.values(), strict=True)
            content = {"text/plain": "\n\n".join(filter(None, plain)), "text/html": "".join(marked)}
            if self._handle is None:
                self._handle = display(content, raw=True, display_id=True)
            else:
                self._handle.update(content, raw=True)


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook. IPython in a terminal is not: it has the terminal's bars."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython  # type: ignore[reportMissingImports]

    return getattr(get_ipython(), "kernel", None) is not None


@contextlib.contextmanager
def one_output() -> Iterator[Output | None]:
    """Collects the display of the block, in this thread, in one output; yields it, or None outside of notebooks."""
    if process.current().is_silent or not is_notebook():
        yield None
        return
    with process.override(output=process.current().output or Output()) as changed:
        yield changed.output
