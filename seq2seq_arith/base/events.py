"""What a program does, for other programs: events as JSON objects, one per line, and a file of metrics.

With ``--json``, standard output has the events alone, and what people read goes to standard error. Each event has a
time, in seconds since 1970, and its name:

``start``     the program, its version, its command and its arguments
``progress``  what was done so far, and of how much, by unit; the step that is done now, where it has a name
``job``       what an engine calls the job, its state, and the address of its page
``epoch``     a row of a training's history
``slice``     the score of one slice of a suite: the task, its digits, the questions and the share that is right
``result``    what the command has made or found
``error``     the sentence that people read
``end``       the exit code, and the seconds that the command took

With ``--metrics-file``, the figures of the run are written to a file when it ends, also when it fails, in the text
format of Prometheus, for its node exporter's textfile collector.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from seq2seq_arith import __version__
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded, whole_file

PROGRESS_SECONDS = 1.0  # between two events of progress
JSON_HELP = "print events, one JSON object per line; what people read goes to standard error"
METRICS_HELP = "write the figures of the run to this file when it ends, in Prometheus's text format"


@dataclasses.dataclass(frozen=True)
class Job:
    """What an engine runs for this program; all are empty if it runs nothing, and the last two if they are not known.

    Attributes:
      name: What the engine calls it.
      state: The engine's word for how it stands, such as ``RUNNING``.
      page: The address of the page that shows it.
    """

    name: str = ""
    state: str = ""
    page: str = ""

    def of_failure(self, message: str) -> str:
        """A sentence about a failure, with what is known of the job."""
        if not self.name:
            return message
        if self.name not in message:
            message += f"; the engine's job {self.name}" + f" is {self.state}" * bool(self.state)
        return message + f"; {self.page} shows it" * bool(self.page)


class _Run:
    """One run of a program: where its events go, and the metrics so far."""

    def __init__(self, program: str, words: list[str], output: IO[str] | None) -> None:
        self.program = program
        self.words = words
        self.output = output
        self.is_lost = False
        self.metrics_file: Path | None = None
        self.start = time.time()
        self.values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        self.help: dict[str, str] = {}
        self.job = Job()


_run: _Run | None = None
_lock = threading.RLock()  # one thread does the work, and another one tells how far it is


def add_options(parser: Any) -> None:
    """Adds ``--json`` and ``--metrics-file``."""
    group = parser.add_argument_group("for other programs")
    group.add_argument("--json", dest="events", action="store_true", help=JSON_HELP)
    group.add_argument("--metrics-file", metavar="FILE", help=METRICS_HELP)


def start(program: str, words: list[str], arguments: argparse.Namespace) -> None:
    """Begins to tell events, and to collect metrics, as the options say.

    Args:
      program: The program's name.
      words: Its arguments as they were typed.
      arguments: The same, parsed; a command that does not have the options tells nothing.

    Raises:
      InputError: The file of the metrics cannot be written.
    """
    global _run
    wants_events = getattr(arguments, "events", False)
    metrics = getattr(arguments, "metrics_file", None)
    _run = _Run(program, words, sys.stdout if wants_events else None)
    if wants_events:
        sys.stdout = sys.stderr
    emit("start", program=program, version=__version__, command=arguments.command, arguments=words)
    _run.metrics_file = None if metrics is None else _writable(expanded(metrics))


def are_told() -> bool:
    """Whether ``--json`` was given."""
    return _run is not None and _run.output is not None


def are_lost() -> bool:
    """Whether an event could not be told: standard output is full, or nobody reads on."""
    return _run is not None and _run.is_lost


def output() -> IO[str]:
    """Standard output, which with ``--json`` has the events alone."""
    return sys.stdout if _run is None or _run.output is None else _run.output


def emit(event: str, **fields: Any) -> None:
    """Tells an event, if anybody listens. Several threads may: each event is a line, and no time is before the last.

    Args:
      event: Its name.
      **fields: What belongs to it: values that JSON has; others are written as text.

    Raises:
      OSError: It cannot be told.
    """
    run = _run
    if run is None or run.output is None:
        return
    with _lock:
        content = {"time": round(time.time(), 3), "event": event, **fields}
        try:
            run.output.write(json.dumps(content, default=str) + "\n")  # in one piece: a signal may come between two
            run.output.flush()
        except OSError:
            run.is_lost = True
            raise


def tell_job(job: Job) -> None:
    """Tells what the engine runs; errors name it from now on."""
    emit("job", job=job.name, state=job.state, page=job.page)
    if _run is not None:
        _run.job = job


def job() -> Job:
    """The engine's job of this run."""
    return Job() if _run is None else _run.job


def metric(name: str, value: float, help: str, **labels: str) -> None:
    """Sets a figure of the run, for the file of metrics.

    Args:
      name: Its name, after that of the program.
      value: Its value.
      help: What it is, with its unit.
      **labels: Which of several it is.
    """
    if _run is not None:
        _run.help[name] = help
        _run.values.setdefault(name, {})[tuple(sorted(labels.items()))] = value


def add_to_metric(name: str, amount: float, help: str) -> None:
    """Adds to a figure of the run that has no labels, as in ``metric``."""
    if _run is not None:
        metric(name, _run.values.get(name, {}).get((), 0) + amount, help)


def metrics(values: Mapping[str, tuple[float, str]]) -> None:
    """Sets several figures: from the name to the value and the help, as in ``metric``."""
    for name, (value, help) in values.items():
        metric(name, value, help)


def write_metrics(code: int) -> None:
    """Writes the metrics of the run.

    Args:
      code: The exit code of the program.

    Raises:
      OSError: Their file cannot be written.
    """
    if _run is None or _run.metrics_file is None:
        return
    metric("exit_code", code, "Exit code of the last run.")
    metric("seconds", time.time() - _run.start, "Seconds that the last run took.")
    metric("end_time_seconds", time.time(), "When the last run ended, in seconds since 1970.")
    _write(_run, _run.metrics_file)


def finish(code: int) -> None:
    """Tells the end of the run, and gives standard output back."""
    global _run
    if _run is None:
        return
    with contextlib.suppress(OSError):  # nobody reads on
        emit("end", exit_code=code, seconds=round(time.time() - _run.start, 3))
    if _run.output is not None:
        sys.stdout = _run.output
    _run = None


def _write(run: _Run, path: Path) -> None:
    """Writes the metrics in one piece, so that a reader never sees half of them.

    Raises:
      OSError: They cannot be written; it has the name of their file.
    """
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for name, values in run.values.items():
        labels = [label for label, _ in next(iter(values))]
        gauge = Gauge(f"{run.program.replace('-', '_')}_{name}", run.help[name], labels, registry=registry)
        for of, value in values.items():
            (gauge.labels(**dict(of)) if labels else gauge).set(value)
    try:
        with whole_file(path) as file:
            file.write(generate_latest(registry))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _writable(path: Path) -> Path:
    """The path, if a file can be put there.

    Raises:
      InputError: It cannot.
    """
    try:
        reason = _obstacle(path)
    except OSError as error:
        reason = f"which cannot be used: {error.strerror}; give another one"
    if reason:
        raise InputError(f"--metrics-file is {path}, {reason}")
    return path


def _obstacle(path: Path) -> str:
    """Why a file cannot be put there, and what to do; empty if it can."""
    folder, elsewhere = path.parent, "give a file in a directory that is there"
    if path.is_dir():
        return f"which is a directory; {elsewhere}"
    there = next(each for each in path.absolute().parents if os.path.lexists(each))
    if not there.is_dir():
        return f"which is in {there}, which is no directory; {elsewhere}"
    if not folder.is_dir():
        made = f"with: mkdir -p {shlex.quote(str(folder))}" if str(path).isprintable() else "first"
        return f"and the folder {folder} is not there; make it {made}"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return f"which is a link, a pipe or a device, which the file would replace; {elsewhere}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"and no file may be put into {folder}; give another folder"
    return ""
