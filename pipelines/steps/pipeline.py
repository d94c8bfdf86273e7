"""The pipeline: from chunk numbers to the shards of a dataset, in one chain of Beam transforms.

The elements are blocks, never single examples: first the draw numbers by partition, which pass the only large shuffle,
and then the kept draws of each shard. Operands are a function of the draw number, so they are computed again rather
than sent. docs/scale.md describes how the costs grow with the number of examples.
"""

import functools
import math
from typing import cast

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsSingleton

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import SPLITS
from seq2seq_arith.pipelines.formats.shards import ShardReport, write_shard
from seq2seq_arith.pipelines.steps import blocks, cutoff, dedup, frequent, versions
from seq2seq_arith.pipelines.steps.blocks import Block, Drawn
from seq2seq_arith.pipelines.steps.cutoff import Cutoff, WindowRows
from seq2seq_arith.pipelines.steps.job import Job
from seq2seq_arith.pipelines.steps.report import write_report
from seq2seq_arith.pipelines.steps.transforms import ThreadedMap

# The kept draws of a shard in example order, their rows in the windows, and the number of dropped draws.
Deduplicated = tuple[Block, WindowRows, int]


def build(job: Job, pipeline: beam.Pipeline) -> beam.pvalue.PValue:
    """Adds all steps to a pipeline; the last one writes the report that ``run`` reads."""
    threads = job.threads
    deduplicated = (
        pipeline
        # The list of chunks may be too long for the job's description.
        | "Start" >> beam.Impulse()
        | "Chunks" >> beam.FlatMap(functools.partial(chunks, job))
        | "Spread" >> beam.Reshuffle()
        | "Draw" >> ThreadedMap(functools.partial(draw, job), threads=threads, counters=_drawn)
        | "ByPartition" >> beam.FlatMap(blocks.by_partition).with_output_types(Block)
        | "Shuffle" >> beam.GroupByKey()
        | "Read" >> beam.MapTuple(lambda key, its_blocks: (key, list(its_blocks)))
        | "Deduplicate" >> ThreadedMap(functools.partial(deduplicate, job), threads=threads, counters=_dropped)
        | "Shards" >> beam.FlatMap(lambda shards: shards)
    )
    kept = deduplicated | "Kept" >> beam.Map(lambda result: result[0]).with_output_types(Block)
    in_windows = deduplicated | "InWindows" >> beam.Map(lambda result: result[1])
    cut = AsSingleton(cast(beam.PCollection, (in_windows, kept) | Cut(job)))
    written = kept | "Write" >> ThreadedMap(functools.partial(write, job), cut, threads=threads, counters=_written)
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
    return {"duplicates": sum(dropped for _, _, dropped in shards)}


def _written(reports: list[ShardReport]) -> dict[str, int]:
    return {
        "examples": sum(report.num_examples for report in reports),
        "bytes": sum(report.num_bytes for report in reports),
        "shards": math.ceil(len(reports) / len(SPLITS)),
    }
