"""The record of each run that created a dataset: its runner, its versions, and its cost beside the plan.

::

    DATA_DIR/seq2seq_arith/.runs/CONFIG/20261128T034501.250000Z-1a2b3c4d.json

A record is not a part of the dataset, whose bytes depend on no run. Each run has its own file, so that none is ever
overwritten, also in an object store.
"""

import contextlib
import dataclasses
import json
import resource
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from seq2seq_arith.base import events
from seq2seq_arith.base.decoding import decode, parse
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.base.files import write_atomically
from seq2seq_arith.base.machine import cores
from seq2seq_arith.pipelines.formats.layout import format_name
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.steps.job import RunFacts
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.clients import ABSENT
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath

FOLDER, TIME = ".runs", "%Y%m%dT%H%M%S.%fZ"  # to the microsecond: the names' order is that of the runs
MAX_BYTES, MAX_RECORDS = 2**16, 1000  # that are read of one record, and of one dataset
KIBIBYTE = 1024 if sys.platform == "linux" else 1  # the unit of the system's largest memory


@dataclasses.dataclass(frozen=True)
class Cost:
    """The planned or the actual cost of a run; None if it is not known."""

    seconds: float | None = None  # wall-clock time
    core_seconds: float | None = None  # CPU time of all cores
    draws: int | None = None
    bytes: int | None = None  # of all files of examples
    memory: int | None = None  # bytes at the peak: of a local run, or of each worker


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record(RunFacts):
    """The record of a run, as it is written."""

    started: str  # when, as ``TIME`` says
    sha256: str  # of the dataset's metadata
    planned: Cost
    spent: Cost


def clock() -> tuple[float, float, float]:
    """The time of day, and the wall-clock and CPU seconds of this process."""
    return time.time(), time.perf_counter(), time.process_time()


def write(request: Request, sha256: str, start: tuple[float, float, float], facts: RunFacts, is_local: bool) -> None:
    """Writes the record of a run whose dataset is complete, or prints in one line why that failed.

    ``sha256`` is that of the dataset's metadata. Unknown values are null.
    """
    plan, sizes = request.plan, request.publisher.sizes()
    _, seconds, core_seconds = (now - then for now, then in zip(clock(), start, strict=True))
    stamp = datetime.fromtimestamp(start[0], UTC).strftime(TIME)
    record = Record(
        **vars(facts),
        started=stamp,
        sha256=sha256,
        planned=Cost(
            seconds=round(plan.seconds(cores(), local=True), 3) if is_local else None,
            core_seconds=round(plan.core_seconds, 3),
            draws=plan.draws,
            bytes=plan.total_bytes,
            memory=plan.local_memory if is_local else plan.worker_memory,
        ),
        spent=Cost(
            seconds=round(seconds, 3),
            core_seconds=round(core_seconds, 3) if is_local else None,
            draws=(facts.counters or {}).get("draws"),
            bytes=sum(size for name, size in sizes.items() if format_name(name)),
            memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE if is_local else None,
        ),
    )
    content = events.hidden(json.dumps(dataclasses.asdict(record), indent=1)).encode()
    path = _folder(request.path) / f"{stamp}-{uuid.uuid4().hex[:8]}.json"
    try:
        path.put(content, ABSENT) if isinstance(path, ObjectPath) else write_atomically(path, content)
    except (OSError, InputError, RunError) as error:
        print(f"the record of this run could not be written: {error}", file=sys.stderr, flush=True)


def read(directory: AnyPath) -> list[Record]:
    """The records of a dataset's runs, the oldest first; those that cannot be read are left out."""
    if len(directory.parents) < 2:
        return []
    folder, names, records = _folder(directory), list[str](), list[Record]()
    with contextlib.suppress(OSError, InputError, RunError):
        names = sorted(name for name in paths.sizes(folder) if name.endswith(".json"))
    for name in names[-MAX_RECORDS:]:
        with contextlib.suppress(OSError, InputError, RunError):
            records.append(decode(Record, parse(paths.read_bytes(folder / name, MAX_BYTES)), further=True))
    return records


def in_words(directory: AnyPath) -> str:
    """The last run of a dataset in a line, and how many are recorded; empty if none is."""
    if not (records := read(directory)):
        return ""
    last = records[-1]
    runner = f" by {last.runner}" if last.runner else ""  # not known of a job that an earlier program began
    parts = [f"made {last.started}{runner}", f"job {last.job}" if last.job else "", f"{last.spent.seconds} s"]
    parts += [f"planned {last.planned.seconds} s" if last.planned.seconds else ""]
    return f"{', '.join(filter(None, parts))}; recorded runs: {len(records)}"


def _folder(directory: AnyPath) -> Any:
    """The folder of the records of the dataset in a directory or prefix."""
    return directory.parents[1] / FOLDER / directory.parents[0].name
