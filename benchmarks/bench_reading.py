"""Measures how training gets its examples from a large dataset: how fast, how soon, and in how much memory.

``python benchmarks/bench_reading.py --data-dir data``. The dataset is made if it is missing. The old way, which read
and encoded a whole split before the first step, is kept here for comparison: ``--before`` measures it, too, and needs
about 90 bytes per example.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import timing

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.data.lanes import Lanes
from seq2seq_arith.trainer.data.making import make_missing
from seq2seq_arith.trainer.data.records import Split
from seq2seq_arith.trainer.quiet import import_tensorflow

STEPS = 50  # per block, as training takes them
BATCHES = {"addition": 128, "pq": 16}
MOST = 5_000_000  # examples per measurement
MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--digits", type=int, default=7)
    parser.add_argument("--num-examples", type=int, default=20_000_000)
    parser.add_argument("--before", action="store_true", help="also measure the old way")
    args = parser.parse_args()
    large: dict[str, Any] = {"name": "addition", "digits": args.digits, "num_examples": args.num_examples}
    rows = []
    pq: dict[str, Any] = {"name": "pq"}
    for given in (large, pq):
        make_missing(Task(**given), args.data_dir)
        for way in (in_order, batches):
            speed, _ = timing.call(rate, data_dir=args.data_dir, task=given, way=way.__name__)
            rows.append([Task(**given).config_name, (way.__doc__ or "").rstrip("."), f"{speed:,.0f}"])
    say(table(["dataset", "", "examples per CPU second"], rows))
    for way in ("lanes", *(["the whole split first"] if args.before else [])):
        (wall, processor, later), peak = timing.call(
            first_call, data_dir=args.data_dir, task=large, before=way != "lanes"
        )
        say(
            f"{way}: {wall:.1f} s ({processor:.1f} CPU s) from the start of the imports to the end of the first call, "
            f"{later:.2f} CPU s for a later one, peak of the process {peak / MIB:,.0f} MiB"
        )


def rate(data_dir: str, task: dict[str, Any], way: str) -> float:
    """Examples per second of processor time, after the first ones."""
    reading = globals()[way](records.open_source(Task(**task), data_dir).splits["train"])
    next(reading)
    started, examples = time.process_time(), 0
    for count in reading:
        examples += count
        if examples >= MOST:
            break
    return examples / (time.process_time() - started)


def in_order(split: Split) -> Iterator[int]:
    """Ranges one after the other, each record checked."""
    size = split.rows_per_range
    for first in range(0, len(split) - size + 1, size):
        yield len(split.read(first, size))


def batches(split: Split) -> Iterator[int]:
    """Blocks of 50 batches, as training takes them."""
    size = BATCHES[split.task.name]
    lanes = Lanes(split, size, 1, seed=0)
    for first in range(0, MOST // size, STEPS):
        lanes.block(first, STEPS)
        yield STEPS * size


def first_call(data_dir: str, task: dict[str, Any], before: bool) -> tuple[float, float, float]:
    """What the first call of a training takes: wall seconds and CPU seconds; and the CPU seconds of a later one."""
    started, cpu = time.perf_counter(), time.process_time()
    import_tensorflow()
    from seq2seq_arith.trainer.data import views
    from seq2seq_arith.trainer.recipes import recipe
    from seq2seq_arith.trainer.training import devices
    from seq2seq_arith.trainer.training.learner import Learner

    config = recipe("best", "addition")
    view = views.make_view(config.model.view, Task(**task))
    split = records.open_source(Task(**task), data_dir).splits["train"]
    if before:
        whole = split.head(len(split))
        parts = [whole[first : first + 8192] for first in range(0, len(whole), 8192)]
        questions = np.concatenate([view.encode_question(part.questions).numpy() for part in parts])
        answers = np.concatenate([view.encode_answer(part.answers).numpy() for part in parts])
        order = np.random.default_rng([0, 0]).permutation(len(questions))[: STEPS * config.batch_size]
        questions[order], answers[order]
    strategy = devices.make_strategy()
    learner = Learner(config=config, view=view, strategy=strategy, total_steps=10**6)
    lanes = Lanes(split, config.batch_size, 1, 0)
    learner.train(lanes, 0, STEPS)
    wall, processor = time.perf_counter() - started, time.process_time() - cpu
    later = time.process_time()
    learner.train(lanes, STEPS, STEPS)
    later = time.process_time() - later
    return wall, processor, later


if __name__ == "__main__":
    main()
