"""Events for other programs: with ``--json``, standard output has one JSON object per line, and nothing else.

What people read goes to standard error then. Each event has a time, in seconds since 1970, and its name:

``start``     the program, its version, its command and its arguments
``progress``  the units done so far and in all, by name; the step that is done now, where it has a name
``epoch``     a row of a training's history
``slice``     the score of one slice of a suite: its set, its name, the questions and the share that is right
``result``    what the command has made or found
``error``     the sentence that people read
``end``       the exit code, and the seconds that the command took
"""

import argparse
import contextlib
import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from seq2seq_arith import __version__

PROGRESS_SECONDS = 1.0  # between two events of progress

# Flags whose values appear in no event, message or log; the same command may have them in clear.
SECRET_FLAG = re.compile(r"--?[\w-]*(?:secret|token|passw|key|credential|connection_string)[\w-]*", re.IGNORECASE)
SECRET, SHORTEST = "SECRET", 4  # what stands for such a value; of fewer characters it would hide other words

_secrets: set[str] = set()
_output: IO[str] | None = None  # None without --json
_began = 0.0
_lock = threading.RLock()  # a training's thread or an engine's may report progress


def hide(words: Sequence[str]) -> None:
    """Notes the secrets among the words of a command; ``hidden`` is without them from now on."""
    _secrets.clear()
    for word, after in itertools.pairwise([*words, ""]):
        flag, is_one_word, value = word.partition("=")
        if SECRET_FLAG.fullmatch(flag) and len(value := value if is_one_word else after) >= SHORTEST:
            _secrets.update({value, json.dumps(value)[1:-1], repr(value)[1:-1]})


def hidden(text: str) -> str:
    """A text with SECRET in the place of each secret of the command."""
    for value in _secrets:
        text = text.replace(value, SECRET)
    return text


def start(program: str, words: list[str], arguments: argparse.Namespace) -> None:
    """Begins a run of a program with these words; writes events if its arguments have ``--json``."""
    global _output, _began
    _began = time.time()
    if getattr(arguments, "events", False):
        _output, sys.stdout = sys.stdout, sys.stderr
    emit("start", program=program, version=__version__, command=arguments.command, arguments=words)


def finish(code: int) -> None:
    """Ends the run: writes ``end``, and gives standard output back."""
    global _output
    with contextlib.suppress(OSError):  # nobody reads on
        emit("end", exit_code=code, seconds=round(time.time() - _began, 3))
    if _output is not None:
        sys.stdout, _output = _output, None


def are_told() -> bool:
    """Whether ``--json`` was given."""
    return _output is not None


def output() -> IO[str]:
    """Standard output, also with ``--json``."""
    return _output or sys.stdout


def emit(event: str, **fields: Any) -> None:
    """Writes an event as one line, from any thread, if ``--json`` was given. Times never go back."""
    with _lock:
        if _output is not None:
            content = {"time": round(time.time(), 3), "event": event, **fields}
            _output.write(hidden(json.dumps(content, default=str)) + "\n")
            _output.flush()
