"""The pipeline: from chunk numbers to the shards of a dataset, in one chain of Beam transforms.

The elements are blocks, never single examples: first the draw numbers by shard, which pass the only large shuffle,
and then the kept draws of each shard. Operands are a function of the draw number, so they are computed again rather
than sent. docs/reference/speed.md describes how the costs grow with the number of examples.
"""

import functools
import math

import apache_beam as beam
from apache_beam.pvalue import AsSingleton

from seq2seq_arith.pipelines.formats.layout import SPLITS
from seq2seq_arith.pipelines.formats.shards import ShardReport, write_shard
from seq2seq_arith.pipelines.steps import blocks, cutoff, dedup
from seq2seq_arith.pipelines.steps.blocks import Block, Drawn
from seq2seq_arith.pipelines.steps.cutoff import Cutoff
from seq2seq_arith.pipelines.steps.job import Job, write_report
from seq2seq_arith.pipelines.steps.transforms import threaded_map

# The kept draws of a shard in example order, and the number of dropped draws.
Deduplicated = tuple[Block, int]


def build(job: Job, pipeline: beam.Pipeline) -> beam.pvalue.PValue:
    """Adds all steps to a pipeline; the last step writes the report that ``run_pipeline`` reads."""
    in_threads = functools.partial(threaded_map, threads=job.threads)
    kept = (
        pipeline
        # The list of chunks may be too long for the job's description.
        | "Start" >> beam.Impulse()
        | "Chunks" >> beam.FlatMap(functools.partial(chunks, job))
        | "Spread" >> beam.Reshuffle()
        | "Draw" >> in_threads(functools.partial(draw, job), counters=lambda drawn: {"draws": len(drawn.distances)})
        | "ByShard" >> beam.FlatMap(blocks.by_shard).with_output_types(Block)
        | "Shuffle" >> beam.GroupByKey()
        | "Read" >> beam.MapTuple(lambda shard, its_blocks: (shard, list(its_blocks)))
        | "Deduplicate"
        >> in_threads(functools.partial(deduplicate, job), counters=lambda result: {"duplicates": result[1]})
        | "Kept" >> beam.Map(lambda result: result[0]).with_output_types(Block)
    )
    cut = AsSingleton(kept | Cut(job))
    reports = kept | "Write" >> in_threads(functools.partial(write, job), cut, counters=_written)
    return (
        reports
        | "Reports" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "Report" >> beam.Map(functools.partial(write_report, job), cut)
    )


class Cut(beam.PTransform):
    """Finds the cutoff of a job from the few kept draws of all shards that are in the windows."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def expand(self, kept):
        task, windows, num_draws = self.job.task, self.job.windows, self.job.num_draws
        if cutoff.ends_anywhere(task):
            windows = AsSingleton(
                kept
                | "Count" >> beam.Map(lambda block: cutoff.counts(num_draws, block[1]))
                | "Sum" >> beam.CombineGlobally(sum)
                | "Narrow" >> beam.Map(lambda counted: cutoff.narrowed(task, self.job.windows, num_draws, counted))
            )
        return (
            kept
            | "InWindows" >> beam.Map(lambda block, windows: cutoff.find(task, windows, block[1]), windows)
            | "Together" >> beam.CombineGlobally(cutoff.together)
            | "Cutoff" >> beam.Map(lambda rows, windows: cutoff.cutoff(task, windows, rows), windows)
        )


def chunks(job: Job, _: bytes) -> list[tuple[int, int]]:
    """The chunks of the job, as ``Job.chunks``: the first step, so that unsuitable workers draw nothing."""
    job.check()
    return job.chunks


def draw(job: Job, chunk: tuple[int, int]) -> Drawn:
    """The draws of a chunk, grouped by shard."""
    job.check()
    first, stop = chunk
    return Drawn(first, *dedup.partition(job.task, first, stop, job.layout.num_shards))


def deduplicate(job: Job, element: tuple[int, list[bytes]]) -> Deduplicated:
    """The kept draws of a shard."""
    job.check()
    shard, its_blocks = element
    numbers = blocks.draw_numbers(its_blocks)
    kept = dedup.unique(job.task, numbers, job.layout.num_shards, shard)
    packed = cutoff.packed(job.windows, kept)
    return (shard, packed), len(numbers) - kept.shape[1]


def write(job: Job, block: Block, cut: Cutoff | None) -> list[ShardReport]:
    """Writes one shard of each split; writes nothing if the draws did not suffice."""
    job.check()
    if cut is None:
        return []
    shard, kept = block
    examples = cutoff.split(job.task, kept, cut)
    return [write_shard(job.task, job.layout, job.staging, split, shard, examples[split]) for split in SPLITS]


def _written(reports: list[ShardReport]) -> dict[str, int]:
    return {
        "examples": sum(report.num_examples for report in reports),
        "bytes": sum(report.num_bytes for report in reports),
        "shards": math.ceil(len(reports) / len(SPLITS)),
    }
