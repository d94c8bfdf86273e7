"""How far a run has come: counts that the pipeline adds to, and the bar or the lines that a person watches.

The counts serve the eye alone. An engine may run a bundle twice, and then they are too high.
"""

import collections
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

_lock = threading.Lock()
_counts: collections.Counter[str] = collections.Counter()

LINE_SECONDS = 5.0
BAR_SECONDS = 0.1


def add(name: str, amount: int) -> None:
    """Adds to a count of this process."""
    with _lock:
        _counts[name] += amount


def count(name: str) -> int:
    """What has been counted in this process since the last ``reset``."""
    return _counts[name]


def reset() -> None:
    """Starts all counts anew."""
    with _lock:
        _counts.clear()


@contextlib.contextmanager
def shown(totals: dict[str, int], current: Callable[[str], int]) -> Iterator[None]:
    """Shows how far each count is from its total while the block runs: bars in a terminal, else lines on stderr.

    Args:
      totals: What each count will reach, by its name.
      current: From a name to what it has reached.
    """
    stop = threading.Event()
    show = _bars if sys.stderr.isatty() else _lines
    watcher = threading.Thread(target=show, args=(totals, current, stop), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _bars(totals: dict[str, int], current: Callable[[str], int], stop: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar_of = {name: bars.add_task(name, total=total) for name, total in totals.items()}
        waiting = True
        while waiting:
            waiting = not stop.wait(BAR_SECONDS)
            for name, bar in bar_of.items():
                bars.update(bar, completed=min(current(name), totals[name]))


def _lines(totals: dict[str, int], current: Callable[[str], int], stop: threading.Event) -> None:
    start = time.monotonic()
    while not stop.wait(LINE_SECONDS):
        parts = (f"{min(current(name), total):,} of {total:,} {name}" for name, total in totals.items())
        print(f"{time.monotonic() - start:.0f} s: {', '.join(parts)}", file=sys.stderr, flush=True)
