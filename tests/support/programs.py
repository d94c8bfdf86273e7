"""Runs ``arith-data``, in a process of its own or in this one; what it tells, and the files that it leaves."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from seq2seq_arith.pipelines.__main__ import main
from seq2seq_arith.pipelines.beam.answers import WAITS
from seq2seq_arith.pipelines.beam.followed_job import UNCOUNTED
from seq2seq_arith.pipelines.steps.current_step import DEDUPLICATES, DRAWS, PUBLISHES, WRITES

PROGRAM = [sys.executable, "-m", "seq2seq_arith.pipelines"]
# As PROGRAM, but it asks and tells more often how far it is: a step may take less than a second.
OFTEN = """
import sys
from seq2seq_arith.base import events
events.PROGRESS_SECONDS = 0.05
from seq2seq_arith.pipelines.beam import followed_job
followed_job.SECONDS = 0.05
from seq2seq_arith.pipelines.__main__ import main
sys.exit(main())
"""
PROGRESS = re.compile(r"\d+ s: [\d,]+ of [\d,]+ draws, \d+ of \d+ shards  [a-z ]+")  # of a run without --json
ORDER = [UNCOUNTED, WAITS, DRAWS, DEDUPLICATES, WRITES, PUBLISHES]  # of the steps


def environment() -> dict[str, str]:
    """Our environment, in which the checkout's folder ``datasets`` does not hide Hugging Face's package."""
    return os.environ | {"PYTHONSAFEPATH": "1"}


def run(*arguments: object, often: bool = False, **options) -> subprocess.CompletedProcess[str]:
    """Runs ``arith-data`` with these arguments, and waits for it; ``often`` is for its progress."""
    command = [*_program(often), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300, **options)


def run_here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """As ``run``, but in this process: for refusals and for short work."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def start(*arguments: object, often: bool = False, **options) -> subprocess.Popen[str]:
    """Starts ``arith-data`` with these arguments, in a process group of its own; ``often`` is for its progress."""
    command = [*_program(often), *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        **options,
    )


def read_while(process: subprocess.Popen[str], look: Callable[[], object]) -> tuple[str, str]:
    """What a process prints until it ends, while this is called again and again.

    The output is read all the time: a process whose events fill the pipe would wait for ever.
    """
    with ThreadPoolExecutor(1) as pool:
        output = pool.submit(process.communicate)
        while not output.done():
            look()
            time.sleep(0.05)
        return output.result()


def _program(often: bool) -> list[str]:
    return [sys.executable, "-c", OFTEN] if often else PROGRAM


def without_progress(stderr: str) -> list[str]:
    """The lines that a run has printed, but for its progress: on a busy machine it takes so long that it tells that."""
    return [line for line in stderr.splitlines() if not PROGRESS.fullmatch(line)]


def ends_as_told(line: str, reason: str, left: str = "nothing was left behind") -> bool:
    """Whether a failed run's last line has this reason, the job, what was done and is left, and then what to type."""
    written = r"(?:[1-9]\d* of \d+ shards were written; )?"
    typed = "(?:make room, then |when that is mended, )?run the same command again"
    job = "(?:; (?:the engine's job|http)[^;]*)*"
    return re.search(rf"{re.escape(reason)}{job}; {written}{left}; {typed}$", line) is not None


class Content(bytes):
    """A file's bytes. Long ones are shown by their sha256, so that a failed comparison can be read."""

    def __repr__(self) -> str:
        long = f"<{len(self):,} bytes, sha256 {hashlib.sha256(self).hexdigest()}>"
        return super().__repr__() if len(self) < len(long) else long


LOCK = re.compile(r"(?:.*/)?seq2seq_arith/\.lock-[^/]+")


def without_lock(directory: Path) -> dict[str, bytes]:
    """Every file below a data directory with its bytes, except for the locks, which stay."""
    return {name: content for name, content in files(directory).items() if not LOCK.fullmatch(name)}


def tree(directory: Path) -> dict[str, bytes | None]:
    """Every file below a directory with its bytes, and every folder with None."""
    paths = sorted(directory.rglob("*"))
    return {str(path.relative_to(directory)): Content(path.read_bytes()) if path.is_file() else None for path in paths}


def found(directory: Path, pattern: str) -> list[Path]:
    """The paths below a directory that match, while a run makes and removes folders there."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            return list(directory.rglob(pattern))


def files(directory: Path) -> dict[str, bytes]:
    """Every file below a directory with its bytes."""
    return {path: content for path, content in tree(directory).items() if content is not None}


def is_complete(directory: Path) -> bool:
    """Whether every file that ``metadata.json`` lists is there with its sha256, the metadata's own included."""
    metadata = json.loads((directory / "metadata.json").read_text())
    found = {path: hashlib.sha256(content).hexdigest() for path, content in files(directory).items()}
    del found["metadata.json"]
    content = {name: value for name, value in metadata.items() if name != "sha256"}
    own = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return found == metadata["files"] and own == metadata["sha256"]


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a run with ``--json`` has told of its progress.

    Attributes:
      steps: The steps that were named, in order, each once.
      done: The counts that were told during each step.
      total: What the counts are to reach.
    """

    steps: list[str]
    done: dict[str, list[dict[str, int]]]
    total: dict[str, int]

    @classmethod
    def of(cls, stdout: str) -> "Progress":
        """From the standard output of a run, whose steps and counts go forward only."""
        told = events(stdout, "progress")
        done: dict[str, list[dict[str, int]]] = {}
        for event in told:
            done.setdefault(event["step"], []).append(event["done"])
        named = [event["step"] for event in told]
        assert named == sorted(named, key=ORDER.index)
        for name, total in told[0]["total"].items():
            counts = [event["done"][name] for event in told]
            assert counts == sorted(counts)
            assert counts[-1] == total
        return cls(list(done), done, told[0]["total"])


def events(stdout: str, name: str) -> list[dict]:
    """The events of one name that a run with ``--json`` has told."""
    return [event for event in map(json.loads, stdout.splitlines()) if event["event"] == name]
