"""What a dataset will take, before it is made: draws, bytes, memory, and time for a number of cores.

Counts of draws and of TFRecord bytes are exact; the rest are estimates from measurements of one machine with two cores
(AMD EPYC), and right within a factor of two elsewhere.
"""

import dataclasses
import shutil
from pathlib import Path

import psutil

from seq2seq_arith.pipelines import coverage
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.shards import SPLITS, Layout, record_format
from seq2seq_arith.pipelines.stores import AnyPath
from seq2seq_arith.pipelines.tasks import Task

START_SECONDS = 0.5  # to build the pipeline and to publish what it made
DRAW_SECONDS = 160e-9  # of one core, to draw, to sort, and to drop duplicates
BYTE_SECONDS = 4.5e-9  # of one core, to write text, checksums and a file
SHUFFLE_SECONDS = 40e-9  # a draw; a local run shuffles in one thread

BASE_MEMORY = 300e6  # bytes: the interpreter, Beam, PyArrow and TFDS
DRAW_MEMORY = 22  # bytes a draw, where everything is kept in memory

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
      tfrecord_bytes, parquet_bytes: Of all files; the latter an estimate, 0 where Parquet is left out.
      local_memory: Bytes at the peak of a local run, which keeps all blocks in memory.
    """

    draws: int
    distinct: float
    tfrecord_bytes: int
    parquet_bytes: int
    local_memory: int

    @property
    def core_seconds(self) -> float:
        """Seconds that one core would take, less what is done once."""
        return self.draws * DRAW_SECONDS + (self.tfrecord_bytes + self.parquet_bytes) * BYTE_SECONDS

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
    return Plan(
        draws=draws,
        distinct=coverage.key_classes(task).distinct(draws),
        tfrecord_bytes=task.num_examples * record_format(task).length,
        parquet_bytes=_parquet_bytes(task, layout) if layout.parquet else 0,
        local_memory=int(BASE_MEMORY + DRAW_MEMORY * draws),
    )


def check_space(needed: int, directory: AnyPath) -> None:
    """Makes sure that the disk has room; a store has.

    Raises:
      InputError: It has not.
    """
    if not isinstance(directory, Path):
        return
    standing = next(part for part in (directory, *directory.parents) if part.exists())
    free = shutil.disk_usage(standing).free
    if needed > free:
        raise InputError(
            f"{standing} has {free:,} bytes left and the dataset needs about {needed:,}; make room, give another "
            "--data-dir, or fewer examples"
        )


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
