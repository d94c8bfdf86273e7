"""Parquet with the column ``written``, for readers other than ours; the bytes of ``parquet`` itself never change."""

import dataclasses
import functools

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats import parquet


def _bytes_of(task: Task, num_shards: int) -> int:
    width = task.question_width + task.answer_width
    return parquet.FORMAT.bytes_of(task, num_shards) * (width + task.question_width) // width


FORMAT = dataclasses.replace(
    parquet.FORMAT,
    writer=functools.partial(parquet.writer, schema=parquet.WRITTEN_SCHEMA),
    read=functools.partial(parquet.read, schema=parquet.WRITTEN_SCHEMA),
    bytes_of=_bytes_of,
)
