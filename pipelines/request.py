"""A request: all parameters of the creation of one dataset, checked once and passed on as one object."""

import contextlib
import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, RunnerError
from seq2seq_arith.base.machine import free_memory
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.plan import Plan, plan
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher
from seq2seq_arith.pipelines.publishing.publisher import Publisher
from seq2seq_arith.pipelines.publishing.stores import StorePublisher
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from seq2seq_arith.pipelines.steps.job import Report

SPACE_ADVICE = "make room, give another --data-dir, or fewer examples"


@dataclasses.dataclass(frozen=True)
class Request:
    """The dataset to create, and its options; raises InputError if it cannot be drawn."""

    task: Task  # the dataset's parameters
    layout: Layout  # how it is cut into files
    data_dir: AnyPath  # where datasets are kept
    # Beam's options, as ``beam.options`` returns them; None for the defaults, which avoids importing Beam for an
    # existing dataset.
    beam_options: "PipelineOptions | None" = None
    overwrite: bool = False  # whether to replace an existing dataset
    plan: Plan = dataclasses.field(init=False)  # the estimates of its cost

    def __post_init__(self) -> None:
        object.__setattr__(self, "plan", plan(self.task, self.layout))

    @property
    def path(self) -> AnyPath:
        """The dataset's directory or prefix."""
        return dataset_path(self.data_dir, self.task)

    @functools.cached_property
    def publisher(self) -> Publisher:
        """The publisher of the path."""
        return DirectoryPublisher(path) if isinstance(path := self.path, Path) else StorePublisher(path)

    @functools.cached_property
    def options(self) -> "PipelineOptions":
        """Beam's options, or its defaults."""
        from seq2seq_arith.pipelines.beam.options import pipeline_options  # Beam takes a second to import

        return pipeline_options([]) if self.beam_options is None else self.beam_options

    def published(self) -> dict[str, Any] | None:
        """The metadata of the dataset if it exists as requested; see ``Publisher.published``."""
        return self.publisher.published(self.task, self.layout, self.overwrite)

    def finished_run(self) -> "tuple[AnyPath, Report] | None":
        """The path and content of the report of a job that wrote all files without publishing them; None without one.

        On a disk only while the path is locked. In a store, another run that reads it publishes the same dataset.
        """
        for path in reversed(self.publisher.finished()):
            report = _read(path)
            if report and report.is_of(self.task, self.layout) and self.publisher.holds(path, report.versions):
                return path, report
        return None

    def check_space(self) -> None:
        """As ``check_place``, unless a finished job has written the files."""
        if not (isinstance(self.data_dir, Path) and self.finished_run()):
            self.check_place()

    def check_place(self) -> None:
        """Raises InputError if the disk has too little space for the files, or a file is too large for the store."""
        if isinstance(self.data_dir, Path):
            paths.check_space(self.plan.total_bytes, self.data_dir, SPACE_ADVICE)
            return
        largest, limit = self.layout.largest_file(self.task), self.data_dir.max_bytes
        if largest > limit:
            enough = 2 * self.layout.num_shards
            while dataclasses.replace(self.layout, num_shards=enough).largest_file(self.task) > limit:
                enough *= 2
            raise InputError(
                f"a file of the dataset would have about {largest:,} bytes, and {self.data_dir} takes at most "
                f"{limit:,} per file; give --num-shards {enough}, or fewer examples"
            )

    def check_runner(self) -> None:
        """Raises InputError if the runner does not answer, or a local run needs more memory than is free."""
        from seq2seq_arith.pipelines.beam import options

        options.check_runner(self.options)
        if options.is_local(self.options):
            self.check_memory()

    def check_memory(self) -> None:
        """Raises InputError if a local run needs more memory than is free."""
        needed, free = self.plan.local_memory, free_memory()
        if needed > free:
            raise InputError(
                f"a local run needs about {needed:,} bytes of memory and this machine has {free:,} free; give fewer "
                "examples, or a --runner that spills to disk"
            )


def _read(path: AnyPath) -> "Report | None":
    """The report of a job; None if it cannot be read, or is from another version."""
    from seq2seq_arith.pipelines.steps.job import read_report

    with contextlib.suppress(InputError, RunnerError, OSError):
        return read_report(path)
    return None
