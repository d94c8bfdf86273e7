"""Events for other programs: with ``--json``, standard output has one JSON object per line, and nothing else.

Text for people then goes to standard error. Each event has a time, in seconds since 1970, and its name:

``start``     the program, its version, its command and its arguments
``progress``  the units done so far and overall, by name; the current step, if it has a name; the seconds left
``job``       the id, the page and the state of a job of a runner elsewhere
``epoch``     a row of a training's history
``slice``     the score on one slice of a suite: its set, its name, the number of questions and the exact match
``result``    the result of the command
``error``     the sentence that people read, and whether the same command may succeed later
``end``       the exit code, and the seconds that the command took
"""

import contextlib
import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from seq2seq_arith.base import process
from seq2seq_arith.base.version import __version__

PROGRESS_SECONDS = 1.0  # between two progress events

# Flags whose values are hidden in every event, message and log.
SECRET_FLAG = re.compile(r"--?[\w-]*(?:secret|token|passw|key|credential|connection_string)[\w-]*", re.IGNORECASE)
SECRET, SHORTEST = "SECRET", 4  # replaces such a value; hiding shorter values would hide other words, too

_lock = threading.RLock()  # threads of a training or of a runner may report progress


def hide(words: Sequence[str]) -> None:
    """Registers the secrets among the words of a command, which ``hidden`` replaces from then on."""
    secrets = process.current().command.secrets
    secrets.clear()
    for word, after in itertools.pairwise([*words, ""]):
        flag, is_one_word, value = word.partition("=")
        if SECRET_FLAG.fullmatch(flag) and len(value := value if is_one_word else after) >= SHORTEST:
            secrets.update({value, json.dumps(value)[1:-1], repr(value)[1:-1]})


def hidden(text: str) -> str:
    """A text in which SECRET replaces each secret of the command."""
    for value in process.current().command.secrets:
        text = text.replace(value, SECRET)
    return text


def start(program: str, command: str, words: list[str], *, is_written: bool) -> None:
    """Begins a command of a program, typed with these words; ``is_written`` is whether its events are written."""
    running = process.current().command
    running.began = time.time()
    if is_written:
        running.events, sys.stdout = sys.stdout, sys.stderr
    emit("start", program=program, version=__version__, command=command, arguments=words)


def finish(code: int) -> None:
    """Ends the command: writes ``end``, and restores standard output."""
    running = process.current().command
    with contextlib.suppress(OSError):  # the reader has gone
        emit("end", exit_code=code, seconds=round(time.time() - running.began, 3))
    if running.events is not None:
        sys.stdout, running.events = running.events, None


def are_written() -> bool:
    """Whether events are written, that is, ``--json`` was given."""
    return process.current().command.events is not None


def output() -> IO[str]:
    """Standard output, also with ``--json``."""
    return process.current().command.events or sys.stdout


def emit(event: str, **fields: Any) -> None:
    """Writes an event as one line, from any thread, if ``--json`` was given. Times never decrease."""
    with _lock:
        if (stream := process.current().command.events) is not None:
            content = {"time": round(time.time(), 3), "event": event, **fields}
            stream.write(hidden(json.dumps(content, default=str)) + "\n")
            stream.flush()
