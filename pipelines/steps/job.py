"""One run of the pipeline: the job, the packages that its workers need, and the report that they write."""

import contextlib
import dataclasses
import functools
import hashlib
import importlib.resources
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import files
from seq2seq_arith.base.decoding import MalformedError, decode, parse
from seq2seq_arith.base.errors import InputError, RunError, RunnerError
from seq2seq_arith.base.packages import installed
from seq2seq_arith.base.version import __version__
from seq2seq_arith.pipelines.formats.layout import Layout, format_of
from seq2seq_arith.pipelines.formats.shards import ShardReport
from seq2seq_arith.pipelines.steps import dedup
from seq2seq_arith.pipelines.steps.cutoff import Cutoff, Windows
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath
from seq2seq_arith.pipelines.storage.staging import REPORT, Staging

PROGRAM = "seq2seq_arith"
NONE = "none"
REFUSED = "refused"  # the key, in a report, of the reason why a worker was refused
CODE = ("arithmetic", "base", "pipelines")  # the packages that workers run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """A run of the pipeline: its dataset, the directory of its files, and its options."""

    task: Task  # the parameters of the dataset
    layout: Layout  # its division into files
    staging: Staging  # where the files are written; a directory must exist, also for the workers
    num_draws: int  # the number of draws
    windows: Windows  # the ranges in which the ends of the dataset and of the validation set are searched
    threads: int = 1  # the number of elements that a worker process works on at once
    # The versions that the workers must have; see ``package_versions``.
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def check(self) -> None:
        """Raises InputError if this process has other versions. Every step of every worker process calls this.

        The runner would retry the step again and again. So the report has the reason, and the program that waits for
        the job cancels it at once.
        """
        try:
            check_worker(tuple(self.versions.items()), self.layout.formats)
        except InputError as error:
            with contextlib.suppress(OSError, InputError, RunError):
                _leave(self, {REFUSED: str(error)})
            raise

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """The first draw of each chunk, and the draw after its last."""
        size = dedup.chunk_size(self.num_draws, self.layout.num_shards)
        return [(first, min(first + size, self.num_draws)) for first in range(0, self.num_draws, size)]


def package_versions(formats: Collection[str]) -> dict[str, str]:
    """The versions, in this process, of all packages that must be the same everywhere, by the package's name.

    A shard's bytes depend on them. Workers with another image would draw for hours, and then write other files.
    """
    libraries = [format_of(name).library for name in formats]
    packages = ["apache-beam", *(library for library in libraries if library)]
    return {PROGRAM: f"{__version__} (code {code_version()})"} | {
        package: installed(package) or NONE for package in packages
    }


@functools.cache
def code_version() -> str:
    """A fingerprint of the code that workers run, which changes between two versions: 12 hexadecimal digits."""
    fingerprint = hashlib.sha256()
    for package in CODE:
        folder = Path(str(importlib.resources.files(f"{PROGRAM}.{package}")))
        for path in sorted(folder.rglob("*.py")):
            content = path.read_bytes()
            fingerprint.update(f"{package} {path.relative_to(folder)} {len(content)}\n".encode() + content)
    return fingerprint.hexdigest()[:12]


@functools.cache
def check_worker(job_versions: tuple[tuple[str, str], ...], formats: tuple[str, ...]) -> None:
    """Raises InputError if the versions of this process are not those of the program that submitted the job.

    Once per process: the hosts of a runner may differ, for example during an update.
    """
    worker_versions = package_versions(formats)
    for package, expected in job_versions:
        if (actual := worker_versions.get(package, NONE)) != expected:
            raise InputError(
                f"the workers have {package} {actual}, and this program has {expected}; give them the same, for "
                "example in an image that was built from the same checkout (docs/how-to/dataflow.md)"
            )


@dataclasses.dataclass(frozen=True)
class Report:
    """The report of a run's workers, as it is stored: the parameters and the files of the dataset that they wrote."""

    parameters: dict[str, Any]  # of the task
    num_shards: int
    formats: tuple[str, ...]
    draws_used: int  # 0 if the draws did not suffice
    shards: list[ShardReport]  # of each split; none if the draws did not suffice

    def is_of(self, task: Task, layout: Layout) -> bool:
        """Whether these are the files of a dataset with this layout."""
        dataset = (self.parameters, self.num_shards, self.formats)
        return bool(self.shards) and dataset == (task.parameters(), layout.num_shards, layout.formats)

    @property
    def versions(self) -> dict[str, str]:
        """The version of each file in an object store, by its path; all empty on a disk."""
        return {path: version for shard in self.shards for path, version in shard.versions.items()}


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """Facts about a run that created a dataset; None if unknown, as for a job that an earlier program began."""

    runner: str | None = None  # the name of Beam's runner
    image: str | None = None  # of the workers' container
    versions: Mapping[str, str] | None = None  # of Python, and of the packages on which the bytes depend
    job: str | None = None  # the runner's name of the job
    counters: Mapping[str, int] | None = None  # the sums of the workers' counters


def write_report(job: Job, shard_reports: list[list[ShardReport]], cut: Cutoff | None) -> None:
    """Writes the report of the run as JSON beside the shards, for the program that waits for it."""
    report = Report(
        parameters=job.task.parameters(),
        num_shards=job.layout.num_shards,
        formats=job.layout.formats,
        draws_used=0 if cut is None else cut.last_draw + 1,
        shards=[shard for shards in shard_reports for shard in shards],
    )
    _leave(job, dataclasses.asdict(report))


def _leave(job: Job, report: Mapping[str, Any]) -> None:
    content, path = json.dumps(report).encode(), job.staging.own_file(REPORT)
    if isinstance(path, ObjectPath):
        path.put(content)
        return
    # In one step: a report means that the job has ended. If the folder was removed, this must fail.
    with files.whole_file(path) as file:
        file.write(content)


def read_report(path: AnyPath) -> Report:
    """The report that a run's workers have written; raises RunnerError if it is missing or from another version."""
    try:
        content = parse(paths.read_bytes(path))
        if isinstance(content, dict) and REFUSED in content:
            raise InputError(str(content[REFUSED]))
        return decode(Report, content)
    except MalformedError as error:
        raise RunnerError(f"the report {path} was written by another version: {error}") from None
    except FileNotFoundError:
        raise RunnerError(
            f"the job ended, but its report {path} is missing: its workers do not see the same directory, or another "
            "run removed it"
        ) from None
