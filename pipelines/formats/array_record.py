"""ArrayRecord shards, for random access: the Examples of TFRecord, in groups of 16 that are compressed together.

Grain, and the data sources of TFDS, read them without TensorFlow. The library's writer needs a local file. So
a shard is written to a temporary file, then copied to its destination and hashed like the other formats.
"""

import collections
import contextlib
import functools
import math
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import RunError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.formats import check_count
from seq2seq_arith.pipelines.formats.layout import Format, Write
from seq2seq_arith.pipelines.formats.tfrecord import record_format

# Compared with one record per group, files are smaller, and are written faster.
OPTIONS = "group_size:16"
COPIED = 2**20  # bytes per step of a copy
READER_THREADS = 72  # its library starts 64 threads at once

# A file is a multiple of such a block, and ends with one for its index. An example takes some bytes in addition to its
# compressed characters, whose share is about half of that in Parquet.
BLOCK_BYTES, EXAMPLE_BYTES, SHARE_OF_PARQUET = 2**16, 14, 0.54


@contextlib.contextmanager
def _writer(file: HashedFile, task: Task) -> Iterator[Write]:
    record = record_format(task)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard"
        with contextlib.closing(ArrayRecordWriter(str(path), OPTIONS)) as writer:
            # Without a loop in Python around the library's call, which takes as long as the loop.
            yield lambda questions, answers: collections.deque(
                map(writer.write, record.examples(questions, answers)), maxlen=0
            )
        with path.open("rb") as shard:
            shutil.copyfileobj(shard, file, COPIED)


def _read(data: bytes, task: Task, count: int) -> tuple[np.ndarray, np.ndarray]:
    _start_readers()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.closing(ArrayRecordReader(file.name)) as reader:
            check_count(reader.num_records(), count)
            return record_format(task).texts_of(reader.read_all() if count else [])


@functools.cache
def _start_readers() -> None:
    """Starts the threads of the library's reader, which waits for ever if one of them cannot be started."""
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(READER_THREADS)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        raise RunError(
            f"this process cannot start the {READER_THREADS} threads that reading ArrayRecord takes; allow it more "
            "threads and memory (ulimit -u, ulimit -v)"
        ) from None
    finally:
        stop.set()
        for thread in filter(threading.Thread.is_alive, threads):
            thread.join()
    ArrayRecordReader(os.devnull)


def _bytes_of(task: Task, num_shards: int) -> int:
    width = task.question_width + task.answer_width
    example = EXAMPLE_BYTES + SHARE_OF_PARQUET * task.notation.parquet_share * width
    sizes = (examples / num_shards * example for examples in (task.num_train, task.num_validation))
    return num_shards * sum(BLOCK_BYTES * (math.ceil(size / BLOCK_BYTES) + 1) for size in sizes)


FORMAT = Format(
    writer=_writer,
    read=_read,
    bytes_of=_bytes_of,
    library="array-record",
)
