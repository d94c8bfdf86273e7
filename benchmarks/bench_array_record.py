"""Measures ArrayRecord files: how fast examples are written, and what a random read costs, in processor time.

A read by its number takes longer in a file of more examples, because the
library copies the file's index each time; so files of several sizes are measured.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader

from seq2seq_arith.arithmetic import draws
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import answers, questions
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.pipelines.formats.array_record import FORMAT

TASK = Task("addition", digits=7, num_examples=2**20)
ROWS = (6_250, 50_000, 200_000, 2**20)
READS, BATCH = 20_000, 128
SEQUENTIAL = "readahead_buffer_size:0,max_parallelism:0"


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = []
    for count in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "shard")
            examples = [
                (questions(TASK, *operands), answers(TASK, *operands))
                for block in draws.blocks(count)
                for operands in [draws.operands(TASK, np.arange(block.start, block.stop, dtype=np.uint64))]
            ]
            written = seconds(lambda path=path, examples=examples: write(path, examples))
            rows.append([f"{count:,}", f"{count / written / 1e6:.2f}", *reads(path, count)])
    titles = ["examples in the file", "million written", "one by its number", f"in batches of {BATCH}", "seek and read"]
    say(table(titles, rows))
    say("written: examples per CPU second, encoding, hashing and copying included; reads: CPU microseconds per example")


def write(path: str, examples: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Writes blocks of examples as a dataset's file is written."""
    with HashedFile(Path(path)) as file, FORMAT.writer(file, TASK, ()) as writer:
        for block in examples:
            writer.write(*block)


def reads(path: str, count: int) -> list[str]:
    """CPU microseconds per random read, of three ways to read."""
    wanted = np.random.default_rng(0).integers(0, count, READS).tolist()
    batches = [wanted[first : first + BATCH] for first in range(0, READS, BATCH)]
    reader, sequential = ArrayRecordReader(path, "readahead_buffer_size:0"), ArrayRecordReader(path, SEQUENTIAL)

    def seek_and_read() -> None:
        for number in wanted:
            sequential.seek(number)
            sequential.read()

    ways = (
        lambda: [reader.read([number]) for number in wanted],
        lambda: [reader.read(batch) for batch in batches],
        seek_and_read,
    )
    return [f"{seconds(way) / READS * 1e6:.1f}" for way in ways]


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of this process, the library's threads included."""
    before = os.times()
    work()
    after = os.times()
    return after.user - before.user + after.system - before.system


if __name__ == "__main__":
    main()
