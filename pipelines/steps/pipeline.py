"""The pipeline: from chunk numbers to the shards of a dataset, in one chain of Beam transforms.

The elements are blocks, never single examples: first the draw numbers by partition, which pass the only large shuffle,
and then the kept draws of each shard. Operands are a function of the draw number, so they are computed again rather
than sent. docs/scale.md describes how the costs grow with the number of examples.
"""

import contextlib
import dataclasses
import functools
import json
import math
from collections.abc import Mapping
from typing import Any, cast

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.pvalue import AsSingleton

from seq2seq_arith.arithmetic import coverage, draws
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import EngineError, InputError
from seq2seq_arith.pipelines.beam import jobs
from seq2seq_arith.pipelines.beam.failures import SubmittedError, add_messages
from seq2seq_arith.pipelines.beam.notebooks import plain_labels
from seq2seq_arith.pipelines.beam.options import in_one_line
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import SPLITS, Layout
from seq2seq_arith.pipelines.formats.manifests import ManifestReport
from seq2seq_arith.pipelines.formats.shards import ShardReport, write_shard
from seq2seq_arith.pipelines.places import repeats
from seq2seq_arith.pipelines.places.paths import AnyPath
from seq2seq_arith.pipelines.places.staging import REPORT, Staging
from seq2seq_arith.pipelines.steps import blocks, cutoff, dedup, frequent, versions
from seq2seq_arith.pipelines.steps.blocks import Block, Drawn
from seq2seq_arith.pipelines.steps.cutoff import Cutoff, WindowRows, Windows
from seq2seq_arith.pipelines.steps.transforms import MICROSECONDS, NAMESPACE, ThreadedMap

# The kept draws of a shard in example order, their rows in the windows, and the number of dropped draws.
Deduplicated = tuple[Block, WindowRows, int]

# What the counters count.
COUNTED = {
    "draws": "Pairs that were drawn.",
    "duplicates": "Draws that were dropped because their pair was drawn before.",
    "deduplicated shards": "Shards whose duplicates were dropped.",
    "examples": "Examples in the files.",
    "bytes": "Bytes of the TFRecord files.",
    "shards": "Shards of each split.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the pipeline.

    Attributes:
      task, layout: The parameters of the dataset, and its division into files.
      staging: The place of the files; a directory must exist, also for the workers.
      num_draws: The number of draws.
      windows: The ranges in which the ends of the dataset and of the validation set are searched.
      threads: The number of elements that a worker process works on at once.
      versions: The versions that the workers must have; see ``versions``.
    """

    task: Task
    layout: Layout
    staging: Staging
    num_draws: int
    windows: Windows
    threads: int = 1
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def shared_by(self) -> int:
        """The number of shards per partition."""
        return dedup.shards_per_partition(self.layout.num_shards)

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """The first draw of each chunk, and the draw after its last."""
        size = dedup.chunk_size(self.num_draws, dedup.num_partitions(self.layout.num_shards))
        return [(first, min(first + size, self.num_draws)) for first in range(0, self.num_draws, size)]


@dataclasses.dataclass(frozen=True)
class Written:
    """The result of a run: the number of draws it used, and a report for each split and shard, or for each manifest."""

    draws_used: int
    shards: list[ShardReport]
    manifests: list[ManifestReport] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a run's workers leave: the dataset, and the result, which is None if the draws did not suffice."""

    task: Task
    layout: Layout
    written: Written | None


def generate(
    task: Task,
    layout: Layout,
    staging: Staging,
    options: PipelineOptions,
    threads: int = 1,
    num_draws: int | None = None,
) -> dict[str, Any]:
    """Writes all files of a dataset, TFDS's files included, and returns its metadata.

    Args:
      task, layout: The parameters of the dataset, and its division into files.
      staging: The place of the files.
      options: Beam's options.
      threads: The number of elements that a worker process works on at once.
      num_draws: The number of draws of the first run, if it has been computed already.

    Raises:
      InputError: The task has too few different pairs for its examples, or no runner can be used.
      EngineError: The engine's job left no report.
    """
    job = Job(
        task=task,
        layout=layout,
        staging=staging,
        num_draws=coverage.num_draws(task) if num_draws is None else num_draws,
        windows=Windows.around(task),
        threads=threads,
        versions=versions.here(layout.formats),
    )
    written = run(job, options)
    widening = 1
    while written is None:
        # One run in 10^9 has a few keys too few, or misses a window.
        widening *= 2
        more = job.num_draws // 8 + 64
        job = dataclasses.replace(job, num_draws=job.num_draws + more, windows=Windows.around(task, widening=widening))
        written = run(job, options)
    return describe(task, layout, staging, written)


def describe(task: Task, layout: Layout, staging: Staging, written: Written) -> dict[str, Any]:
    """Writes the files that describe a dataset whose shards are written, and returns its metadata."""
    staging.expect({path: version for shard in written.shards for path, version in shard.versions.items()})
    names = manifests.names(layout)
    staging.expect({names[report.number]: report.version for report in written.manifests})
    staging.expect_tallies({report.number: report.tally for report in written.manifests})
    # Workers import this module, and need less memory without TFDS.
    from seq2seq_arith.pipelines.formats.catalog import write_catalog

    return write_catalog(task, layout, staging.catalog, written.draws_used, written.shards, written.manifests)


def run(job: Job, options: PipelineOptions) -> Written | None:
    """Runs the pipeline once, and waits for it.

    Returns:
      The result; None if the draws did not suffice, and no shard was written.

    Raises:
      InputError: The runner cannot be used.
      EngineError: The job left no report.
      SubmittedError: The job goes on alone.
    """
    pipeline = new_pipeline(options)
    try:
        with plain_labels(), pipeline:
            build(job, pipeline)
    except BaseException as error:
        add_messages(error, pipeline)
        with contextlib.suppress(Exception):
            pipeline.result.cancel()  # the job would go on in a remote engine
        raise
    if not options.view_as(StandardOptions).no_wait_until_finish:
        with contextlib.suppress(Exception):  # the files are written, and figures must not lose them
            tell_counters(jobs.counters(pipeline.result, NAMESPACE))
        return read_report(job.staging.own_file(REPORT)).written
    raise SubmittedError(jobs.name(pipeline.result))


def tell_counters(counters: Mapping[str, int]) -> None:
    """Puts what the engine has counted among the metrics of the run.

    An engine may run a bundle twice, and counts it twice then, so these are no part of a dataset.
    """
    for name, value in counters.items():
        if name == repeats.COUNTER:
            repeats.add_engines(value)
        elif name.endswith(MICROSECONDS):
            step = name.removesuffix(MICROSECONDS)
            events.metric("step_seconds", value / 1e6, "Seconds in each step, added over all threads.", step=step)
        else:
            events.metric(name.replace(" ", "_"), value, COUNTED.get(name, name))


def read_report(path: AnyPath) -> Report:
    """The report that a run's workers have written.

    Raises:
      EngineError: It is not there.
    """
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise EngineError(
            f"the engine's job ended, but its report {path} is not there: its workers do not see the same place, or "
            "another run removed it"
        ) from None
    of_manifests = [ManifestReport.of_json(report) for report in found.get("manifests", ())]
    written = Written(found["draws_used"], [ShardReport(**shard) for shard in found["shards"]], of_manifests)
    layout = Layout(found["num_shards"], tuple(found["formats"]), tuple(found.get("columns", ())))
    return Report(
        Task.from_parameters(found["parameters"]), layout, written if written.shards or of_manifests else None
    )


def new_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """Makes an empty pipeline for the runner in the options.

    Raises:
      InputError: The runner does not exist, is not installed, or needs further options.
    """
    try:
        return jobs.AnnouncedPipeline(options=options)
    except (ValueError, ImportError) as error:
        runner = options.view_as(StandardOptions).runner
        raise InputError(f"--runner={runner} cannot be used: {in_one_line(str(error))}; see docs/engines.md") from error


def build(job: Job, pipeline: beam.Pipeline) -> beam.pvalue.PValue:
    """Adds all steps to a pipeline; the last one writes the report that ``run`` reads."""
    threads = job.threads
    deduplicated = (
        pipeline
        # The list of chunks may be too long for the job's description.
        | "Start" >> beam.Impulse()
        | "Chunks" >> beam.FlatMap(functools.partial(chunks, job))
        | "Spread" >> beam.Reshuffle()
        | "Draw" >> ThreadedMap(functools.partial(draw, job), threads=threads, name="draw", counters=_drawn)
        | "ByPartition" >> beam.FlatMap(blocks.by_partition).with_output_types(Block)
        | "Shuffle" >> beam.GroupByKey()
        | "Read" >> beam.MapTuple(lambda key, its_blocks: (key, list(its_blocks)))
        | "Deduplicate"
        >> ThreadedMap(functools.partial(deduplicate, job), threads=threads, name="deduplicate", counters=_dropped)
        | "Shards" >> beam.FlatMap(lambda shards: shards)
    )
    kept = deduplicated | "Kept" >> beam.Map(lambda result: result[0]).with_output_types(Block)
    in_windows = deduplicated | "InWindows" >> beam.Map(lambda result: result[1])
    cut = AsSingleton(cast(beam.PCollection, (in_windows, kept) | Cut(job)))
    written = kept | "Write" >> ThreadedMap(
        functools.partial(write, job), cut, threads=threads, name="write", counters=_written
    )
    if manifests.are_used(job.layout):
        written = written | "Manifests" >> Manifests(job)
    return (
        written
        | "Reports" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "Report" >> beam.Map(functools.partial(write_report, job), cut)
    )


class Cut(beam.PTransform):
    """Finds the cutoff from the window rows of all shards, or from their kept draws.

    If there are too many rows for one worker, a histogram first narrows the windows down. The rows are not sent then:
    the few that are left are drawn again.

    Attributes:
      job: The run of the pipeline.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, pcolls):
        found, kept = pcolls
        task, windows = self.job.task, self.job.windows
        if cutoff.expected_rows(task, self.job.num_draws) <= cutoff.MAX_ROWS:
            gathered = found | "Together" >> beam.CombineGlobally(cutoff.together)
            return gathered | "Cutoff" >> beam.Map(functools.partial(cutoff.cutoff, task, windows))
        narrower = AsSingleton(
            found
            | "Histogram" >> beam.Map(functools.partial(cutoff.histogram, windows))
            | "Added" >> beam.CombineGlobally(cutoff.added)
            | "Narrow" >> beam.Map(functools.partial(cutoff.narrow, task, windows))
        )
        return (
            kept
            | "Narrowed"
            >> beam.Map(lambda block, narrower: cutoff.narrowed(task, narrower, *blocks.unpack(block[1])), narrower)
            | "Together" >> beam.CombineGlobally(cutoff.together)
            | "Cutoff" >> beam.Map(lambda rows, narrower: cutoff.cutoff(task, narrower, rows), narrower)
        )


class Manifests(beam.PTransform):
    """Writes the manifests, where the reports of all shards would be too much for one worker.

    Attributes:
      job: The run of the pipeline.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, written):
        layout, staging = self.job.layout, self.job.staging
        return (
            written
            | "ByManifest"
            >> beam.FlatMap(lambda reports: [(manifests.number_of(layout, each.shard), each) for each in reports])
            | "Neighbours" >> beam.GroupByKey()
            | "Manifest" >> beam.MapTuple(lambda number, reports: [manifests.write(layout, staging, number, reports)])
        )


def chunks(job: Job, _: bytes) -> list[tuple[int, int]]:
    """The chunks of the job, as ``Job.chunks``: the first step, so nothing is drawn by workers that do not fit."""
    versions.check(job.versions, versions.here(job.layout.formats))
    return job.chunks


def draw(job: Job, chunk: tuple[int, int]) -> Drawn:
    """The draws of a chunk, grouped by partition."""
    first, stop = chunk
    count = frequent.early_draws(job.task, job.num_draws)
    early = frequent.first_draws(job.task, count) if count else None
    num_shards = job.layout.num_shards
    return Drawn(first, stop - first, *dedup.partition(job.task, first, stop, num_shards, early, job.shared_by))


def deduplicate(job: Job, element: tuple[int, list[bytes]]) -> list[Deduplicated]:
    """The kept draws of each shard of a partition."""
    key, its_blocks = element
    first = job.shared_by * blocks.partition_of(key, dedup.num_partitions(job.layout.num_shards))
    shards = range(first, min(first + job.shared_by, job.layout.num_shards))  # the last partition may have fewer
    numbers = blocks.draw_numbers(its_blocks, job.shared_by)
    return [_deduplicated(job, *each) for each in zip(shards, numbers, strict=False)]


def _deduplicated(job: Job, shard: int, numbers: np.ndarray) -> Deduplicated:
    kept = dedup.unique(job.task, numbers, job.layout.num_shards, shard)
    packed = blocks.pack(kept[cutoff.DRAW], *cutoff.foreseen(job.windows, kept[cutoff.SPLIT]))
    return (shard, packed), cutoff.find(job.windows, kept), len(numbers) - kept.shape[1]


def write(job: Job, block: Block, cut: Cutoff | None) -> list[ShardReport]:
    """Writes one shard of each split; writes nothing if the draws did not suffice."""
    if cut is None:
        return []
    shard, kept = block
    numbers, validation, undecided = blocks.unpack(kept)
    validation[undecided] = _validation(job.task, numbers[undecided], cut)
    examples = numbers <= np.uint64(cut.last_draw)
    numbers, validation = numbers[examples], validation[examples]
    return [
        write_shard(job.task, job.layout, job.staging, split, shard, numbers[validation == (split != "train")])
        for split in SPLITS
    ]


def write_report(job: Job, written: list[list[ShardReport]] | list[list[ManifestReport]], cut: Cutoff | None) -> None:
    """Writes the result of the run as JSON beside the shards, for the program that waits for it."""
    kind = "manifests" if manifests.are_used(job.layout) else "shards"
    report = {
        "parameters": job.task.parameters(),
        "num_shards": job.layout.num_shards,
        "formats": job.layout.formats,
        "columns": job.layout.columns,
        "draws_used": 0 if cut is None else cut.last_draw + 1,
        "versions": dict(job.versions),
        "shards": [],
        kind: [dataclasses.asdict(report) for reports in written for report in reports],
    }
    job.staging.own_file(REPORT).write_text(json.dumps(report))


def _validation(task: Task, numbers: np.ndarray, cut: Cutoff) -> np.ndarray:
    """Whether the example of each draw number is in the validation set: bool of shape (n,)."""
    result = np.empty(len(numbers), bool)
    for block in draws.blocks(len(numbers)):
        key = draws.key(task, *draws.operands(task, numbers[block]))
        result[block] = cutoff.in_validation(cut, draws.key_hash(task, draws.SPLIT, key), key)
    return result


def _drawn(drawn: Drawn) -> dict[str, int]:
    return {"draws": drawn.num_draws, "duplicates": drawn.num_draws - len(drawn.distances)}


def _dropped(shards: list[Deduplicated]) -> dict[str, int]:
    return {"duplicates": sum(dropped for _, _, dropped in shards), "deduplicated shards": len(shards)}


def _written(reports: list[ShardReport]) -> dict[str, int]:
    return {
        "examples": sum(report.num_examples for report in reports),
        "bytes": sum(report.num_bytes for report in reports),
        "shards": math.ceil(len(reports) / len(SPLITS)),
    }
