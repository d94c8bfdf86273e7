"""Estimates the cost of a dataset before it is created: draws, bytes, files, memory, and seconds for some cores.

The numbers of draws, of files and of TFRecord bytes are exact. The rest is estimated from measurements on one machine
with two cores (AMD EPYC), and should hold within a factor of two elsewhere.
"""

import dataclasses
import math

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.machine import cores
from seq2seq_arith.pipelines.formats.layout import SPLITS, Layout
from seq2seq_arith.pipelines.steps import cutoff, dedup

START_SECONDS = 0.5  # build the pipeline, and publish the result
DRAW_SECONDS = 100e-9  # of one core, per draw: hash, sort and drop duplicates
WORD_SECONDS = 15e-9  # of one core, per draw and random word that it owns: make its operands, three times
ARRANGE_SECONDS = 280e-9  # of one core, per draw whose digits are rearranged, in addition: many short steps of NumPy's
BYTE_SECONDS = 4.5e-9  # of one core, per byte: write text, checksums and the file
SHUFFLE_SECONDS = 40e-9  # per draw; a local run shuffles in one thread
BLOCK_SECONDS = 3e-6  # of one core, per block: hand it to the runner and take it back

BASE_MEMORY = 300e6  # bytes: the interpreter, Beam, PyArrow and TFDS
DRAW_MEMORY = 22  # bytes per draw of a local run, which keeps all blocks in memory
SHARD_DRAW_MEMORY = 100  # bytes per draw of a shard, while its duplicates are dropped, for numbers of one word
NUMBER_WORD_MEMORY = 32  # more bytes per draw of a shard, for each further word of its numbers
ROW_MEMORY = 3  # copies of a row near the cutoff, while the rows of all shards are gathered in a local run
CHUNK_DRAW_MEMORY = 50  # bytes per draw of a chunk, while it is drawn

METADATA_FILES = 3  # besides those with examples
# Requests to a store for a dataset of one page per listing, besides one per file with examples; measured.
STORE_REQUESTS = 18
LISTINGS, PAGE = 2, 1000  # listings per dataset, and objects per request of one

DRAW_BYTES, BLOCK_BYTES = 4, 24  # that the large shuffle moves per draw, and in addition per block (Beam's included)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The needs of a dataset."""

    draws: int  # the number of draws
    distinct: float  # the expected number of different keys among them
    shuffle_bytes: int  # that the large shuffle moves
    file_bytes: dict[str, int]  # bytes of all files, by data format; estimates, except for TFRecord
    num_files: int  # in a store, of objects
    num_requests: int  # to a store, if none fails
    core_seconds: float  # on one core, without the start
    worker_memory: int  # bytes that a worker process of a runner needs, with one thread
    local_memory: int  # bytes that a local run, which keeps all blocks in memory, needs at its peak

    def seconds(self, workers: int, local: bool) -> float:
        """Estimated wall-clock seconds until the dataset is published; ``local`` is for Beam's local runner."""
        shuffle = self.draws * SHUFFLE_SECONDS if local else 0.0
        return START_SECONDS + shuffle + self.core_seconds / workers

    @property
    def core_hours(self) -> float:
        """The work of all cores together, without the start."""
        return self.core_seconds / 3600

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.file_bytes.values())


def plan(task: Task, layout: Layout) -> Plan:
    """Estimates the needs of a dataset; InputError if it cannot be drawn."""
    draws = coverage.num_draws(task)
    classes = coverage.key_classes(task)
    chunk = dedup.chunk_size(draws, layout.num_shards)
    words = task.notation.words(task.size)
    shard_draw_memory = SHARD_DRAW_MEMORY + NUMBER_WORD_MEMORY * (words - 1)
    # All draws of a key meet in one shard: one has those of the most frequent key, beside its share.
    largest_shard = draws / layout.num_shards + draws * classes.share * float(classes.probability.max())
    gathered = cutoff.expected_bytes(task, draws)
    of_worker = max(shard_draw_memory * largest_shard, CHUNK_DRAW_MEMORY * chunk)
    # A local run has as many shards at once as cores.
    of_shards = of_worker * min(cores(), layout.num_shards)
    blocks = min(math.ceil(draws / chunk) * layout.num_shards, draws)
    drawn_words = task.sampler.words_per_draw(task.size, task.operation.arity)
    draw_seconds = DRAW_SECONDS + drawn_words * WORD_SECONDS + (1 - task.sampler.share) * ARRANGE_SECONDS
    file_bytes = layout.bytes_of(task)
    data_files = len(SPLITS) * layout.num_shards * len(layout.formats)
    num_files = data_files + METADATA_FILES
    return Plan(
        draws=draws,
        distinct=classes.distinct(draws),
        shuffle_bytes=draws * DRAW_BYTES + blocks * BLOCK_BYTES,
        file_bytes=file_bytes,
        num_files=num_files,
        num_requests=data_files + STORE_REQUESTS + LISTINGS * (num_files // PAGE),
        core_seconds=blocks * BLOCK_SECONDS + draws * draw_seconds + sum(file_bytes.values()) * BYTE_SECONDS,
        worker_memory=int(BASE_MEMORY + of_worker),
        local_memory=int(BASE_MEMORY + max(DRAW_MEMORY * draws + ROW_MEMORY * gathered, of_shards)),
    )
