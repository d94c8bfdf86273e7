"""What a dataset will take, before it is made: draws, bytes, memory, and time for a number of cores.

Counts of draws and of TFRecord bytes are exact; the rest are estimates from measurements of one machine with two cores
(AMD EPYC), and right within a factor of two elsewhere. docs/scale.md says where the numbers for very large datasets
come from.
"""

import dataclasses
import math
import shutil
from pathlib import Path

import numpy as np
import psutil

from seq2seq_arith.pipelines import coverage, dedup, frequent
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.shards import SPLITS, Layout, record_format
from seq2seq_arith.pipelines.stores import AnyPath
from seq2seq_arith.pipelines.tasks import Task

START_SECONDS = 0.5  # to build the pipeline and to publish what it made
DRAW_SECONDS = 160e-9  # of one core, to draw, to sort, and to drop duplicates
BYTE_SECONDS = 4.5e-9  # of one core, to write text, checksums and a file
SHUFFLE_SECONDS = 40e-9  # a draw; a local run shuffles in one thread
BLOCK_SECONDS = 3e-6  # of one core, to hand a block to the engine and to take it back

BASE_MEMORY = 300e6  # bytes: the interpreter, Beam, PyArrow and TFDS
DRAW_MEMORY = 22  # bytes a draw, where everything is kept in memory
SHARD_DRAW_MEMORY = 100  # bytes a draw, while a shard's duplicates are dropped
CHUNK_DRAW_MEMORY = 50  # bytes a draw, while a chunk is drawn

DRAW_BYTES, BLOCK_BYTES = 4, 24  # of the large shuffle: a draw, and what a block has of its own, Beam's part included

# zstd leaves about so much of a character of decimal text, and next to nothing of dashes.
DECIMAL_PARQUET = 0.5
DASHES_PARQUET = 0.006
# A file also has a thousand bytes of its own, and names its smallest and largest strings several times over.
PARQUET_FILE, PARQUET_STRINGS = 1000, 3.4


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a dataset will take.

    Attributes:
      draws: How many are made.
      distinct: How many different keys are expected among them.
      shuffled: How many draws go through the large shuffle; the rest are dropped before, as known duplicates.
      blocks: How many elements carry them.
      hottest: The draws of the largest shard, in means.
      tfrecord_bytes, parquet_bytes: Of all files; the latter an estimate, 0 where Parquet is left out.
      worker_memory: Bytes that a worker of an engine needs for each core.
      local_memory: Bytes at the peak of a local run, which keeps all blocks in memory.
    """

    draws: int
    distinct: float
    shuffled: float
    blocks: float
    hottest: float
    tfrecord_bytes: int
    parquet_bytes: int
    worker_memory: int
    local_memory: int

    @property
    def shuffle_bytes(self) -> int:
        """Bytes that go through the large shuffle."""
        return round(self.shuffled * DRAW_BYTES + self.blocks * BLOCK_BYTES)

    @property
    def core_seconds(self) -> float:
        """Seconds that one core would take, less what is done once."""
        blocks = self.blocks * BLOCK_SECONDS
        return blocks + self.draws * DRAW_SECONDS + (self.tfrecord_bytes + self.parquet_bytes) * BYTE_SECONDS

    def seconds(self, workers: int, local: bool) -> float:
        """Seconds from starting the pipeline to the published directory, with so many cores."""
        shuffle = self.draws * SHUFFLE_SECONDS if local else 0.0
        return START_SECONDS + shuffle + self.core_seconds / workers

    @property
    def total_bytes(self) -> int:
        return self.tfrecord_bytes + self.parquet_bytes


def plan(task: Task, layout: Layout) -> Plan:
    """The plan of a dataset.

    Raises:
      InputError: The dataset cannot be drawn.
    """
    draws = coverage.num_draws(task)
    classes = coverage.key_classes(task)
    shuffled, hottest = _shuffled(task, classes, draws, layout.num_shards)
    chunk = dedup.chunk_size(draws, layout.num_shards)
    blocks = math.ceil(draws / chunk) * layout.num_shards
    largest_shard = hottest * shuffled / layout.num_shards
    return Plan(
        draws=draws,
        distinct=classes.distinct(draws),
        shuffled=shuffled,
        blocks=min(blocks, shuffled),
        hottest=hottest,
        tfrecord_bytes=task.num_examples * record_format(task).length,
        parquet_bytes=_parquet_bytes(task, layout) if layout.parquet else 0,
        worker_memory=int(BASE_MEMORY + max(SHARD_DRAW_MEMORY * largest_shard, CHUNK_DRAW_MEMORY * chunk)),
        local_memory=int(BASE_MEMORY + DRAW_MEMORY * draws),
    )


SPACE_ADVICE = "make room, give another --data-dir, or fewer examples"


def check_space(needed: int, directory: AnyPath, advice: str = SPACE_ADVICE) -> None:
    """Makes sure that the disk has room; a store has.

    Args:
      needed: Bytes.
      directory: Where.
      advice: What to do if it has not.

    Raises:
      InputError: It has not.
    """
    if not isinstance(directory, Path):
        return
    standing = next(part for part in (directory, *directory.parents) if part.exists())
    free = shutil.disk_usage(standing).free
    if needed > free:
        raise InputError(f"{standing} has {free:,} bytes left and the dataset needs about {needed:,}; {advice}")


def check_memory(needed: int) -> None:
    """Makes sure that a local run, which keeps its blocks in memory, fits into this machine's.

    Raises:
      InputError: It does not.
    """
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"a local run needs about {needed:,} bytes of memory and this machine has {free:,} free; give fewer "
            "examples, or a --runner whose engine spills to disk"
        )


def _parquet_bytes(task: Task, layout: Layout) -> int:
    left = DASHES_PARQUET if task.operation.notation == "dashes" else DECIMAL_PARQUET
    width = task.question_width + task.answer_width
    files = layout.num_shards * len(SPLITS)
    return int(task.num_examples * width * left + files * (PARQUET_FILE + PARQUET_STRINGS * width))


def _shuffled(task: Task, classes: coverage.KeyClasses, draws: int, num_shards: int) -> tuple[float, float]:
    """How many draws are shuffled, and the draws of the largest shard in means of all."""
    early = frequent.early_draws(task, draws)
    short = frequent.is_short(task, *coverage.class_lengths(task))
    unseen = np.where(short, np.exp(-classes.probability * early), 1.0)
    # Of a short pair that the early draws have, one draw is left; of any other, all.
    of_key = np.where(short, draws - early, draws) * classes.probability
    left = classes.count * ((1 - unseen) + unseen * of_key)
    mean = left.sum() / num_shards
    most = 1 + 5 / mean**0.5
    for count, size in zip(classes.count * unseen, of_key, strict=True):
        expected = count / num_shards
        if size > 1 and count > 0.01:
            most = max(most, 1 + (_most(expected, num_shards) - expected) * size / mean)
    return float(left.sum()), float(most)


def _most(expected: float, num_shards: int) -> float:
    """About how many keys of a kind the shard has that has most of them, if they fall where they will."""
    if expected > 100:
        return expected + 5 * expected**0.5
    number, chance = 0, math.exp(-expected)
    beyond = 1 - chance
    while beyond * num_shards > 0.5 and number < 1000:
        number += 1
        chance *= expected / number
        beyond -= chance
    return max(number, expected)
