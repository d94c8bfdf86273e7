"""Runs ``arith-data``, in a process of its own or in this one; what it tells, and the files that it leaves."""

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from seq2seq_arith.pipelines import run_records
from seq2seq_arith.pipelines.__main__ import main

PROGRAM = [sys.executable, "-m", "seq2seq_arith.pipelines"]
PROGRESS = re.compile(r"\d+ s: [\d,]+ of [\d,]+ draws, \d+ of \d+ shards(?:  [a-z ]+)?")  # of a run without --json


def environment() -> dict[str, str]:
    """Our environment, in which the checkout's folder ``datasets`` does not hide Hugging Face's package."""
    return os.environ | {"PYTHONSAFEPATH": "1"}


def run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    """Runs ``arith-data`` with these arguments, and waits for it."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300, **options)


def run_here(*arguments: object, main=main) -> subprocess.CompletedProcess[str]:
    """As ``run``, but in this process: for input errors and for short work; also another program, by its ``main``."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def start(*arguments: object, **options) -> subprocess.Popen[str]:
    """Starts ``arith-data`` with these arguments, in a process group of its own."""
    command = [*PROGRAM, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(), start_new_session=True, **pipes, **options)


def python(code: str, *arguments: object, cwd: Path | None = None, stdin: str | None = None, **variables: str) -> str:
    """What a program prints that reads this text, with these variables, in a Python of its own; it must succeed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    env = environment() | variables
    done = subprocess.run(
        command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def without_progress(stderr: str) -> list[str]:
    """The lines that a run has printed, but for its progress: on a busy machine it takes so long that it tells that."""
    return [line for line in stderr.splitlines() if not PROGRESS.fullmatch(line)]


def ends_as_told(line: str, reason: str, left: str = "nothing was left behind") -> bool:
    """Whether a failed run's last line has this reason, what was done and is left, and then what to type."""
    written = r"(?:[1-9]\d* of \d+ shards were written; )?"
    typed = "(?:make room, then |when that is fixed, )?run the same command again"
    return re.search(rf"{re.escape(reason)}[^;]*; {written}{left}; {typed}$", line) is not None


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
    """Every file below a directory with its bytes, and every folder with None; without the records of runs."""
    paths = sorted(path for path in directory.rglob("*") if run_records.FOLDER not in path.parts)
    return {str(path.relative_to(directory)): Content(path.read_bytes()) if path.is_file() else None for path in paths}


def find_paths(directory: Path, pattern: str) -> list[Path]:
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
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in files(directory).items()}
    del digests["metadata.json"]
    content = {name: value for name, value in metadata.items() if name != "sha256"}
    own = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return digests == metadata["files"] and own == metadata["sha256"]
