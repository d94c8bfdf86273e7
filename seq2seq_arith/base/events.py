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

PROGRESS_SECONDS = 1.0  # between two events of progress

# Flags whose values appear in no event, message or log; the same command may have them in clear.
SECRET_FLAG = re.compile(r"--?[\w-]*(?:secret|token|passw|key|credential|connection_string)[\w-]*", re.IGNORECASE)
SECRET, SHORTEST = "SECRET", 4  # what stands for such a value; of fewer characters it would hide other words

_lock = threading.RLock()  # a training's thread or a runner's may report progress


def hide(words: Sequence[str]) -> None:
    """Notes the secrets among the words of a command; ``hidden`` is without them from now on."""
    secrets = process.current().command.secrets
    secrets.clear()
    for word, after in itertools.pairwise([*words, ""]):
        flag, is_one_word, value = word.partition("=")
        if SECRET_FLAG.fullmatch(flag) and len(value := value if is_one_word else after) >= SHORTEST:
            secrets.update({value, json.dumps(value)[1:-1], repr(value)[1:-1]})


def hidden(text: str) -> str:
    """A text with SECRET in the place of each secret of the command."""
    for value in process.current().command.secrets:
        text = text.replace(value, SECRET)
    return text


def start(program: str, command: str, words: list[str], *, told: bool) -> None:
    """Begins a command of a program, typed with these words; ``told`` is whether its events are written."""
    running = process.current().command
    running.began = time.time()
    if told:
        running.events, sys.stdout = sys.stdout, sys.stderr
    emit("start", program=program, version=__version__, command=command, arguments=words)


def finish(code: int) -> None:
    """Ends the run: writes ``end``, and gives standard output back."""
    running = process.current().command
    with contextlib.suppress(OSError):  # nobody reads on
        emit("end", exit_code=code, seconds=round(time.time() - running.began, 3))
    if running.events is not None:
        sys.stdout, running.events = running.events, None


def are_told() -> bool:
    """Whether ``--json`` was given."""
    return process.current().command.events is not None


def output() -> IO[str]:
    """Standard output, also with ``--json``."""
    return process.current().command.events or sys.stdout


def emit(event: str, **fields: Any) -> None:
    """Writes an event as one line, from any thread, if ``--json`` was given. Times never go back."""
    with _lock:
        if (stream := process.current().command.events) is not None:
            content = {"time": round(time.time(), 3), "event": event, **fields}
            stream.write(hidden(json.dumps(content, default=str)) + "\n")
            stream.flush()
