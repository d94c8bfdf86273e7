"""The pipeline: from chunk numbers to the shards of a dataset, in one chain of Beam transforms.

What travels is a block, never a single example: draw numbers by shard through the one large shuffle, and then, per shard,
the draws that are kept. Operands are a function of the draw number, so they are computed again rather than carried.
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

from seq2seq_arith.pipelines import coverage, cutoff, dedup
from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.catalog import write_catalog
from seq2seq_arith.pipelines.shards import SPLITS, Layout, ShardReport, write_shard
from seq2seq_arith.pipelines.tasks import Task
from seq2seq_arith.pipelines.transforms import FindRow, ThreadedMap

REPORT = ".report.json"
MIN_CHUNK, MAX_CHUNK = 2**16, 2**20

Block = tuple[int, bytes]  # a shard, and uint64 numbers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the pipeline.

    Attributes:
      task, layout: What to make, and how it is cut into files.
      directory: Where the files go; it must exist, for the workers as well.
      num_draws: How many draws are made; if they hold fewer than N distinct keys, nothing is written.
      threads: How many elements a worker process works on at once.
    """

    task: Task
    layout: Layout
    directory: Path
    num_draws: int
    threads: int = 1

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """First draw and the one after the last, of each chunk."""
        suitable = max(MIN_CHUNK, min(MAX_CHUNK, self.num_draws // 64))
        size = 1 << (suitable - 1).bit_length()
        return [(first, min(first + size, self.num_draws)) for first in range(0, self.num_draws, size)]


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run found and wrote.

    Attributes:
      distinct: Different keys among the draws made.
      draws_used: The number of the N-th kept draw plus one; 0 if there are not N.
      shards: A report for each split and shard; none if there are not N.
    """

    distinct: int
    draws_used: int
    shards: list[ShardReport]


def generate(task: Task, layout: Layout, directory: Path, options: PipelineOptions, threads: int = 1) -> dict[str, Any]:
    """Makes the dataset in an empty directory, TFDS's files included, and returns its metadata.

    Raises:
      InputError: The dataset cannot be drawn.
    """
    job = Job(
        task=task, layout=layout, directory=directory, num_draws=coverage.num_draws(task), threads=threads
    )
    summary = run(job, options)
    while not summary.shards:
        # About one run in 10^9 falls short by a few keys.
        job = dataclasses.replace(job, num_draws=job.num_draws + job.num_draws // 8 + 64)
        summary = run(job, options)
    return write_catalog(task, layout, directory, summary.draws_used, summary.shards)


def run(job: Job, options: PipelineOptions) -> Summary:
    """Runs the pipeline once, and waits for it."""
    with beam.Pipeline(options=options) as pipeline:
        build(job, pipeline)
    path = job.directory / REPORT
    report = json.loads(path.read_text())
    path.unlink()
    return Summary(
        distinct=report["distinct"],
        draws_used=report["draws_used"],
        shards=[ShardReport(**shard) for shard in report["shards"]],
    )


def build(job: Job, pipeline: beam.Pipeline) -> beam.PCollection:
    """The whole pipeline as one chain; its last step writes the report that ``run`` reads."""
    task, threads = job.task, job.threads
    kept = (
        pipeline
        | "Chunks" >> beam.Create(job.chunks)
        | "Spread" >> beam.Reshuffle()
        | "Draw" >> ThreadedMap(functools.partial(draw, job), threads=threads, counters=_drawn)
        | "ByShard" >> beam.FlatMap(list).with_output_types(Block)
        | "Shuffle" >> beam.GroupByKey()
        | "Read" >> beam.MapTuple(lambda shard, blocks: (shard, list(blocks)))
        | "Deduplicate" >> ThreadedMap(functools.partial(deduplicate, job), threads=threads).with_output_types(Block)
    )
    last_draw = AsSingleton(
        kept
        | "LastDraw"
        >> FindRow(
            draw_rows,
            rank=task.num_examples - 1,
            buckets=cutoff.Buckets.for_rows(task.num_examples, bits=(job.num_draws - 1).bit_length()),
            threads=threads,
        )
    )
    last_validation = AsSingleton(
        kept
        | "LastValidation"
        >> FindRow(
            functools.partial(split_rows, task),
            last_draw,
            rank=task.num_validation - 1,
            buckets=cutoff.Buckets.for_rows(task.num_examples, bits=64),
            threads=threads,
        )
    )
    return (
        kept
        | "Write"
        >> ThreadedMap(functools.partial(write, job), last_draw, last_validation, threads=threads, counters=_written)
        | "Reports" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "Report" >> beam.Map(functools.partial(report, job), last_draw)
    )


def draw(job: Job, chunk: tuple[int, int]) -> list[Block]:
    """The draws of a chunk by shard. The first chunk names every shard, so that one without draws is written too."""
    shards = dedup.partition(job.task, *chunk, job.layout.num_shards)
    return [(shard, pack(numbers)) for shard, numbers in enumerate(shards) if len(numbers) or chunk[0] == 0]


def deduplicate(job: Job, element: tuple[int, list[bytes]]) -> Block:
    """The kept draws of a shard in example order, and the hash that each is split by."""
    shard, blocks = element
    numbers = np.concatenate([unpack(block) for block in blocks])
    return shard, np.stack(dedup.unique(job.task, numbers, job.layout.num_shards, shard)).tobytes()


def draw_rows(block: Block) -> cutoff.Rows:
    """A kept draw as a row: its number."""
    numbers, _ = _kept(block)
    return cutoff.Rows(numbers, lambda indices: numbers[indices, None])


def split_rows(task: Task, block: Block, last_draw: cutoff.Found) -> cutoff.Rows:
    """An example as a row: its SPLIT hash and its key."""
    numbers, hashes = _examples(block, last_draw)

    def whole(indices: np.ndarray) -> np.ndarray:
        return np.stack([hashes[indices], *d.key(task, *d.operands(task, numbers[indices]))], axis=1)

    return cutoff.Rows(hashes, whole)


def write(job: Job, block: Block, last_draw: cutoff.Found, last_validation: cutoff.Found) -> list[ShardReport]:
    """Writes one shard of each split; nothing if there are not enough examples."""
    if last_draw.row is None or last_validation.row is None:
        return []
    numbers, hashes = _examples(block, last_draw)
    in_validation = _up_to(job.task, numbers, hashes, last_validation.row)
    return [
        write_shard(job.task, job.layout, job.directory, split, block[0], numbers[in_validation == (split != "train")])
        for split in SPLITS
    ]


def report(job: Job, written: list[list[ShardReport]], last_draw: cutoff.Found) -> None:
    """Leaves the run's findings beside the shards, for the program that waits for them."""
    found = {
        "distinct": last_draw.total,
        "draws_used": 0 if last_draw.row is None else last_draw.row[0] + 1,
        "shards": [dataclasses.asdict(shard) for shards in written for shard in shards],
    }
    (job.directory / REPORT).write_text(json.dumps(found))


def pack(numbers: np.ndarray) -> bytes:
    """Ascending draw numbers of one chunk in four bytes each: the first, then each one's distance from it."""
    if not len(numbers):
        return b""
    return numbers[:1].astype("<u8").tobytes() + (numbers - numbers[0]).astype("<u4").tobytes()


def unpack(block: bytes) -> np.ndarray:
    """The inverse of ``pack``: uint64 of shape (n,)."""
    if not block:
        return np.empty(0, np.uint64)
    return np.frombuffer(block, "<u4", offset=8) + np.frombuffer(block, "<u8", count=1)


def _kept(block: Block) -> tuple[np.ndarray, np.ndarray]:
    numbers, hashes = np.frombuffer(block[1], np.uint64).reshape(2, -1)
    return numbers, hashes


def _examples(block: Block, last_draw: cutoff.Found) -> tuple[np.ndarray, np.ndarray]:
    """The kept draws that become examples, and their hashes."""
    numbers, hashes = _kept(block)
    if last_draw.row is None:
        return numbers[:0], hashes[:0]
    among = numbers <= np.uint64(last_draw.row[0])
    return numbers[among], hashes[among]


def _up_to(task: Task, numbers: np.ndarray, hashes: np.ndarray, row: cutoff.Row) -> np.ndarray:
    """Which examples are not behind the row (hash, key); bool."""
    smaller = hashes <= np.uint64(row[0])
    tied = np.flatnonzero(hashes == np.uint64(row[0]))
    for index, *key in zip(tied, *d.key(task, *d.operands(task, numbers[tied])), strict=True):
        smaller[index] = tuple(map(int, key)) <= row[1:]
    return smaller


def _drawn(blocks: list[Block]) -> dict[str, int]:
    return {"draws": sum(max(0, len(block) - 8) // 4 for _, block in blocks)}


def _written(reports: list[ShardReport]) -> dict[str, int]:
    return {
        "examples": sum(report.num_examples for report in reports),
        "bytes": sum(report.num_bytes for report in reports),
        "shards": math.ceil(len(reports) / len(SPLITS)),
    }
