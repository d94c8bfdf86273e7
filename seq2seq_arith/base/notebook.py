"""Output in Jupyter and other notebooks: what a cell shows, and replaces in place."""

import contextlib
import html
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

# Columns need letters of one width, which some pages do not give to every <pre>.
PLAIN = '<pre style="font-family: monospace">'

_current: "Output | None" = None


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook. IPython in a terminal is none: it has the terminal's bars."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython  # type: ignore[reportMissingImports]

    return getattr(get_ipython(), "kernel", None) is not None


def started_this_process() -> bool:
    """Whether a cell runs this program, as ``!arith-data`` does: its terminal keeps every redraw of a bar as text."""
    return "JPY_PARENT_PID" in os.environ


class Output:
    """One output of a cell, of named parts that stand below each other; each part can be replaced.

    The output appears with its first part. The saved notebook holds what it showed last.
    """

    def __init__(self) -> None:
        self._parts: dict[str, tuple[str, str]] = {}
        self._handle: Any = None
        self._lock = threading.Lock()

    def show(self, part: str, text: str, markup: str = "") -> None:
        """Shows a part in place of what it was.

        Args:
          part: Its name.
          text: The part as plain text; empty to remove it.
          markup: The part as HTML, if it is more than its text.
        """
        from IPython.display import display  # type: ignore[reportMissingImports]

        with self._lock:
            self._parts[part] = (text, markup or (text and f"{PLAIN}{html.escape(text)}</pre>"))
            plain, marked = zip(*self._parts.values(), strict=True)
            content = {"text/plain": "\n\n".join(filter(None, plain)), "text/html": "".join(marked)}
            if self._handle is None:
                self._handle = display(content, raw=True, display_id=True)
            else:
                self._handle.update(content, raw=True)


@contextlib.contextmanager
def one_output() -> Iterator[Output | None]:
    """Collects what is shown in the block in one output; yields it, or None outside of notebooks."""
    global _current
    if not is_notebook():
        yield None
        return
    before, _current = _current, _current or Output()
    try:
        yield _current
    finally:
        _current = before


def output() -> Output:
    """The output of the block of ``one_output``, or a new one."""
    return _current or Output()
