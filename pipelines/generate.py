"""The pipeline: from chunk numbers to the shards of a dataset, in one chain of Beam transforms.

What travels is a block, never a single example: draw numbers by shard through the one large shuffle, and then, for
each shard, the draws that are kept. Operands are a function of the draw number, so they are computed again rather
than carried.
"""

import dataclasses
import functools
import json
import math
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsSingleton

from seq2seq_arith.pipelines import coverage, dedup
from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.catalog import write_catalog
from seq2seq_arith.pipelines.cutoff import Cutoff, Findings, Windows, cutoff, find, in_validation, together
from seq2seq_arith.pipelines.shards import SPLITS, Layout, ShardReport, write_shard
from seq2seq_arith.pipelines.tasks import Task
from seq2seq_arith.pipelines.transforms import ThreadedMap

REPORT = ".report.json"
MIN_CHUNK, MAX_CHUNK = 2**16, 2**20

Block = tuple[int, bytes]  # a shard, and uint64 numbers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the pipeline.

    Attributes:
      task, layout: What to make, and how it is cut into files.
      directory: Where the files go; it must exist, for the workers as well.
      num_draws: How many draws are made.
      windows: Where the dataset's end and validation's are looked for.
      threads: How many elements a worker process works on at once.
    """

    task: Task
    layout: Layout
    directory: Path
    num_draws: int
    windows: Windows
    threads: int = 1

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """First draw and the one after the last, of each chunk."""
        suitable = max(MIN_CHUNK, min(MAX_CHUNK, self.num_draws // 64))
        size = 1 << (suitable - 1).bit_length()
        return [(first, min(first + size, self.num_draws)) for first in range(0, self.num_draws, size)]


@dataclasses.dataclass(frozen=True)
class Written:
    """What a run wrote: how many draws it used, and a report for each split and shard."""

    draws_used: int
    shards: list[ShardReport]


def generate(task: Task, layout: Layout, directory: Path, options: PipelineOptions, threads: int = 1) -> dict[str, Any]:
    """Makes the dataset in an empty directory, TFDS's files included, and returns its metadata.

    Raises:
      InputError: The dataset cannot be drawn.
    """
    job = Job(
        task=task,
        layout=layout,
        directory=directory,
        num_draws=coverage.num_draws(task),
        windows=Windows.around(task),
        threads=threads,
    )
    written = run(job, options)
    widening = 1
    while written is None:
        # One run in 10^9 falls a few keys short, or out of a window.
        widening *= 2
        more = job.num_draws // 8 + 64
        job = dataclasses.replace(job, num_draws=job.num_draws + more, windows=Windows.around(task, widening=widening))
        written = run(job, options)
    return write_catalog(task, layout, directory, written.draws_used, written.shards)


def run(job: Job, options: PipelineOptions) -> Written | None:
    """Runs the pipeline once, and waits for it; None if its draws did not suffice, and nothing was written."""
    with beam.Pipeline(options=options) as pipeline:
        build(job, pipeline)
    path = job.directory / REPORT
    found = json.loads(path.read_text())
    path.unlink()
    if found is None:
        return None
    return Written(found["draws_used"], [ShardReport(**shard) for shard in found["shards"]])


def build(job: Job, pipeline: beam.Pipeline) -> beam.pvalue.PValue:
    """The whole pipeline; its last step writes the report that ``run`` reads."""
    threads = job.threads
    deduplicated = (
        pipeline
        | "Chunks" >> beam.Create(job.chunks, reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Draw" >> ThreadedMap(functools.partial(draw, job), threads=threads, counters=_drawn)
        | "ByShard" >> beam.FlatMap(list).with_output_types(Block)
        | "Shuffle" >> beam.GroupByKey()
        | "Read" >> beam.MapTuple(lambda shard, blocks: (shard, list(blocks)))
        | "Deduplicate" >> ThreadedMap(functools.partial(deduplicate, job), threads=threads, counters=_dropped)
    )
    kept = deduplicated | "Kept" >> beam.Map(lambda result: result[0]).with_output_types(Block)
    cut = AsSingleton(
        deduplicated
        | "Findings" >> beam.Map(lambda result: result[1])
        | "Together" >> beam.CombineGlobally(together)
        | "Cutoff" >> beam.Map(functools.partial(cutoff, job.task, job.windows))
    )
    return (
        kept
        | "Write" >> ThreadedMap(functools.partial(write, job), cut, threads=threads, counters=_written)
        | "Reports" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "Report" >> beam.Map(functools.partial(write_report, job), cut)
    )


def draw(job: Job, chunk: tuple[int, int]) -> list[Block]:
    """The draws of a chunk by shard. The first chunk names every shard, so that one without draws is written too."""
    shards = dedup.partition(job.task, *chunk, job.layout.num_shards)
    return [(shard, pack(numbers)) for shard, numbers in enumerate(shards) if len(numbers) or chunk[0] == 0]


def deduplicate(job: Job, element: tuple[int, list[bytes]]) -> tuple[Block, Findings, int]:
    """The kept draws of a shard in example order, what they have in the windows, and how many were dropped."""
    shard, blocks = element
    # The blocks are of different chunks, so the order of their first draws is that of all draws.
    numbers = np.concatenate(sorted(map(unpack, blocks), key=lambda block: block[:1].tolist()))
    kept = dedup.unique(job.task, numbers, job.layout.num_shards, shard)
    return (shard, pack(kept[0])), find(job.windows, *kept), len(numbers) - kept.shape[1]


def write(job: Job, block: Block, cut: Cutoff | None) -> list[ShardReport]:
    """Writes one shard of each split; nothing if the draws did not suffice."""
    if cut is None:
        return []
    shard, kept = block
    numbers = unpack(kept)
    numbers = numbers[numbers <= np.uint64(cut.last_draw)]
    validation = _validation(job.task, numbers, cut)
    return [
        write_shard(job.task, job.layout, job.directory, split, shard, numbers[validation == (split != "train")])
        for split in SPLITS
    ]


def write_report(job: Job, written: list[list[ShardReport]], cut: Cutoff | None) -> None:
    """Leaves the run's findings beside the shards, for the program that waits for them."""
    shards = [dataclasses.asdict(shard) for shards in written for shard in shards]
    found = None if cut is None else {"draws_used": cut.last_draw + 1, "shards": shards}
    (job.directory / REPORT).write_text(json.dumps(found))


def pack(numbers: np.ndarray) -> bytes:
    """Draw numbers as bytes: the smallest, then each one's distance from it, in four bytes where that is enough."""
    if not len(numbers):
        return b""
    base = numbers.min()
    distance = numbers - base
    width = "<u4" if distance.max() < 2**32 else "<u8"
    return width[2:].encode() + base.astype("<u8").tobytes() + distance.astype(width).tobytes()


def unpack(block: bytes) -> np.ndarray:
    """The inverse of ``pack``: uint64 of shape (n,)."""
    if not block:
        return np.empty(0, np.uint64)
    width = "<u" + block[:1].decode()
    return np.frombuffer(block, width, offset=9) + np.frombuffer(block, "<u8", count=1, offset=1)


def _validation(task: Task, numbers: np.ndarray, cut: Cutoff) -> np.ndarray:
    """Which of the examples with these draw numbers are in validation; bool."""
    result = np.empty(len(numbers), bool)
    for block in d.blocks(len(numbers)):
        key = d.key(task, *d.operands(task, numbers[block]))
        result[block] = in_validation(cut, d.key_hash(task, d.SPLIT, key), *key)
    return result


def _drawn(blocks: list[Block]) -> dict[str, int]:
    return {"draws": sum(len(unpack(block)) for _, block in blocks)}


def _dropped(result: tuple[Block, Findings, int]) -> dict[str, int]:
    return {"duplicates": result[2]}


def _written(reports: list[ShardReport]) -> dict[str, int]:
    return {
        "examples": sum(report.num_examples for report in reports),
        "bytes": sum(report.num_bytes for report in reports),
        "shards": math.ceil(len(reports) / len(SPLITS)),
    }
