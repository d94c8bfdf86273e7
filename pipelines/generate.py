"""The pipeline: from chunk numbers to the shards of a dataset, in one chain of Beam transforms.

What travels is a block, never a single example: draw numbers by shard through the one large shuffle, and then, for
each shard, the draws that are kept. Operands are a function of the draw number, so they are computed again rather
than carried. How all this grows with the number of examples is in docs/scale.md.
"""

import contextlib
import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.pvalue import AsSingleton

from seq2seq_arith.pipelines import coverage, cutoff, dedup, frequent
from seq2seq_arith.pipelines import draws as d
from seq2seq_arith.pipelines.cutoff import Cutoff, Findings, Windows
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.failures import EngineError
from seq2seq_arith.pipelines.options import in_one_line
from seq2seq_arith.pipelines.shards import SPLITS, Layout, ShardReport, write_shard
from seq2seq_arith.pipelines.stores import AnyPath, catalog_directory, own_file
from seq2seq_arith.pipelines.tasks import Task
from seq2seq_arith.pipelines.transforms import ThreadedMap

REPORT = ".report.json"


Block = tuple[int, bytes]  # a shard, and draw numbers


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One run of the pipeline.

    Attributes:
      task, layout: What to make, and how it is cut into files.
      directory: Where the files go; on disk it must exist, for the workers as well.
      num_draws: How many draws are made.
      windows: Where the dataset's end and validation's are looked for.
      threads: How many elements a worker process works on at once.
    """

    task: Task
    layout: Layout
    directory: AnyPath
    num_draws: int
    windows: Windows
    threads: int = 1

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """First draw and the one after the last, of each chunk."""
        size = dedup.chunk_size(self.num_draws, self.layout.num_shards)
        return [(first, min(first + size, self.num_draws)) for first in range(0, self.num_draws, size)]


@dataclasses.dataclass(frozen=True)
class Written:
    """What a run wrote: how many draws it used, and a report for each split and shard."""

    draws_used: int
    shards: list[ShardReport]


def generate(
    task: Task, layout: Layout, directory: AnyPath, options: PipelineOptions, threads: int = 1
) -> dict[str, Any]:
    """Makes the dataset in an empty directory or a staged prefix, TFDS's files included, and returns its metadata.

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
    # Workers import this module, and are slimmer without TFDS.
    from seq2seq_arith.pipelines.catalog import write_catalog

    return write_catalog(task, layout, catalog_directory(directory), written.draws_used, written.shards)


def run(job: Job, options: PipelineOptions) -> Written | None:
    """Runs the pipeline once, and waits for it; None if its draws did not suffice, and nothing was written."""
    pipeline = new_pipeline(options)
    try:
        with pipeline:
            build(job, pipeline)
    except BaseException:
        with contextlib.suppress(Exception):
            pipeline.result.cancel()  # an engine elsewhere would go on
        raise
    path = own_file(job.directory, REPORT)
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise EngineError(
            f"the engine's job ended, but its report {path} is not there: its workers do not see the same place, or "
            "another run removed it"
        ) from None
    path.unlink()
    if found is None:
        return None
    return Written(found["draws_used"], [ShardReport(**shard) for shard in found["shards"]])


def new_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """An empty pipeline on the runner that the options name.

    Raises:
      InputError: There is no such runner, it is not installed, or it needs further options.
    """
    try:
        return beam.Pipeline(options=options)
    except (ValueError, ImportError) as error:
        runner = options.view_as(StandardOptions).runner
        raise InputError(f"--runner={runner} cannot be used: {in_one_line(str(error))}; see docs/engines.md") from error


def build(job: Job, pipeline: beam.Pipeline) -> beam.pvalue.PValue:
    """The whole pipeline; its last step writes the report that ``run`` reads."""
    threads = job.threads
    deduplicated = (
        pipeline
        # The list of chunks may be too long to be part of the job.
        | "Start" >> beam.Impulse()
        | "Chunks" >> beam.FlatMap(functools.partial(chunks, job))
        | "Spread" >> beam.Reshuffle()
        | "Draw" >> ThreadedMap(functools.partial(draw, job), threads=threads, counters=_drawn)
        | "ByShard" >> beam.FlatMap(blocks).with_output_types(Block)
        | "Shuffle" >> beam.GroupByKey()
        | "Read" >> beam.MapTuple(lambda shard, blocks: (shard, list(blocks)))
        | "Deduplicate" >> ThreadedMap(functools.partial(deduplicate, job), threads=threads, counters=_dropped)
    )
    kept = deduplicated | "Kept" >> beam.Map(lambda result: result[0]).with_output_types(Block)
    cut = AsSingleton(deduplicated | "Findings" >> beam.Map(lambda result: result[1]) | Cut(job))
    return (
        kept
        | "Write" >> ThreadedMap(functools.partial(write, job), cut, threads=threads, counters=_written)
        | "Reports" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "Report" >> beam.Map(functools.partial(write_report, job), cut)
    )


class Cut(beam.PTransform):
    """From the findings of each shard to the one cutoff.

    Attributes:
      job: The run.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, findings):
        task, windows = self.job.task, self.job.windows
        if cutoff.expected_rows(task) <= cutoff.MAX_ROWS:
            gathered = findings | "Together" >> beam.CombineGlobally(cutoff.together)
            return gathered | "Cutoff" >> beam.Map(functools.partial(cutoff.cutoff, task, windows))
        narrower = AsSingleton(
            findings
            | "Histogram" >> beam.Map(functools.partial(cutoff.histogram, windows))
            | "Added" >> beam.CombineGlobally(cutoff.added)
            | "Narrow" >> beam.Map(functools.partial(cutoff.narrow, task, windows))
        )
        return (
            findings
            | "Narrowed" >> beam.Map(cutoff.narrowed, windows, narrower)
            | "Together" >> beam.CombineGlobally(cutoff.together)
            | "Cutoff" >> beam.Map(lambda found, narrower: cutoff.cutoff(task, narrower, found), narrower)
        )


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The draws of a chunk by shard.

    Attributes:
      first, num_draws: The chunk.
      distances: The draws' distances from ``first``, by shard, ascending: uint32 of shape (n,). Draws that are known to
        be repeated are left out.
      bounds: Where the shards begin and end there: int64 of shape (num_shards + 1,).
    """

    first: int
    num_draws: int
    distances: np.ndarray
    bounds: np.ndarray


def chunks(job: Job, _: bytes) -> list[tuple[int, int]]:
    """The job's chunks."""
    return job.chunks


def draw(job: Job, chunk: tuple[int, int]) -> Drawn:
    """The draws of a chunk by shard."""
    first, stop = chunk
    count = frequent.early_draws(job.task, job.num_draws)
    early = frequent.first_draws(job.task, count) if count else None
    return Drawn(first, stop - first, *dedup.partition(job.task, first, stop, job.layout.num_shards, early))


def blocks(drawn: Drawn) -> Iterator[Block]:
    """A block for each shard that has draws. The first chunk names every shard, so that none is forgotten.

    A block is the chunk's first draw, in eight bytes whose order is that of the chunks, and four bytes for each draw.
    """
    head = drawn.first.to_bytes(8, "big")
    data = drawn.distances.astype("<u4", copy=False).tobytes()
    for shard, (start, stop) in enumerate(itertools.pairwise((4 * drawn.bounds).tolist())):
        if start < stop or drawn.first == 0:
            yield shard, head + data[start:stop]


def numbers_of(blocks: Iterable[bytes]) -> np.ndarray:
    """The ascending draw numbers of a shard's blocks: uint64 of shape (n,)."""
    in_order = sorted(blocks)
    sizes = np.array([len(block) // 4 for block in in_order])
    words = np.frombuffer(b"".join(in_order), "<u4")
    heads = sizes.cumsum() - sizes
    high, low = (words[heads + half].byteswap().astype(np.uint64) for half in (0, 1))
    is_distance = np.ones(len(words), bool)
    is_distance[heads] = is_distance[heads + 1] = False
    numbers = np.repeat((high << np.uint64(32)) + low, sizes - 2)
    numbers += words[is_distance]
    return numbers


def deduplicate(job: Job, element: tuple[int, list[bytes]]) -> tuple[Block, Findings, int]:
    """The kept draws of a shard in example order, what they have in the windows, and how many were dropped."""
    shard, blocks = element
    numbers = numbers_of(blocks)
    kept = dedup.unique(job.task, numbers, job.layout.num_shards, shard)
    return (shard, pack(kept[0])), cutoff.find(job.windows, *kept), len(numbers) - kept.shape[1]


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
    own_file(job.directory, REPORT).write_text(json.dumps(found))


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
        result[block] = cutoff.in_validation(cut, d.key_hash(task, d.SPLIT, key), *key)
    return result


def _drawn(drawn: Drawn) -> dict[str, int]:
    return {"draws": drawn.num_draws, "duplicates": drawn.num_draws - len(drawn.distances)}


def _dropped(result: tuple[Block, Findings, int]) -> dict[str, int]:
    return {"duplicates": result[2]}


def _written(reports: list[ShardReport]) -> dict[str, int]:
    return {
        "examples": sum(report.num_examples for report in reports),
        "bytes": sum(report.num_bytes for report in reports),
        "shards": math.ceil(len(reports) / len(SPLITS)),
    }
