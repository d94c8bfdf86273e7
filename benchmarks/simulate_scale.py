"""Counts the real draws per shard, and measures the reports that meet in one worker: the figures of ``docs/scale.md``.

``make bench-scale`` takes some minutes. A shard's share of the draws does not depend on how many are counted, so a few
hundred million draws stand for all draws of a dataset of 10^12 examples.
"""

import argparse
import dataclasses
import json
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines import plan
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.catalog import write_catalog
from seq2seq_arith.pipelines.formats.layout import SPLITS, Layout
from seq2seq_arith.pipelines.formats.manifests import ManifestReport
from seq2seq_arith.pipelines.places.staging import Tally
from seq2seq_arith.pipelines.steps import cutoff, dedup, frequent

DRAWS = 300_000_000
SKIP = 2**24  # not counted: these may be early draws, which are not a sample of the later ones
CHUNK = 2**22
DIGITS = {10**8: 7, 10**10: 8, 10**12: 9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws to count per size")
    parser.add_argument("--reports", type=int, default=2**17, help="shards whose reports are gathered")
    arguments = parser.parse_args()
    for num_examples, digits in DIGITS.items():
        show(Task(digits=digits, num_examples=num_examples), arguments.draws)
    gather(arguments.reports)


def show(task: Task, num_draws: int) -> None:
    """Prints how the draws fall into shards: all draws, and those that are shuffled."""
    layout = Layout.of(task)
    planned = plan.plan(task, layout)
    print(
        f"\n{task.num_examples:,} examples of {task.digits} digits: "
        f"{planned.draws:,} draws, {layout.num_shards:,} shards in {planned.partitions:,} partitions; "
        f"{planned.shuffled / planned.blocks:,.0f} draws per block, {planned.core_seconds / 3600:,.3g} core hours"
    )
    early = frequent.first_draws(task, frequent.early_draws(task, planned.draws))
    for name, dropped in (("all draws", None), ("shuffled", early)):
        start = time.perf_counter()
        sizes = counted(task, layout.num_shards, num_draws, dropped)
        rate = (time.perf_counter() - start) / num_draws * 1e9
        mean = sizes.mean()
        hottest = np.sort(sizes)[::-1][:3] / mean
        # By chance alone, the largest of equally likely shards also has more draws than the mean.
        by_chance = 1 + 5 / mean**0.5
        print(
            f"  {name:10} {sizes.sum() / num_draws:7.2%} of the draws; hottest {hottest.round(2)} times the mean "
            f"({by_chance:.2f} by chance); {rate:.0f} ns per draw on all cores"
        )
    print(
        f"  as planned {planned.shuffled / planned.draws:7.2%} of the draws; "
        f"hottest {planned.hottest:.2f} times the mean"
    )
    rows = cutoff.expected_rows(task, planned.draws)
    print(f"  rows in the windows: {rows:,}, {32 * rows:,} bytes")


def counted(task: Task, num_shards: int, num_draws: int, early: frequent.FirstDraws | None) -> np.ndarray:
    """How many draws of a sample each shard gets: int64 of shape (num_shards,).

    Args:
      early: The early draws, whose duplicates are dropped; None to count every draw.
    """
    sizes = np.zeros(num_shards, np.int64)

    def count(first: int) -> np.ndarray:
        return np.diff(dedup.partition(task, first, first + CHUNK, num_shards, early)[1])

    with ThreadPoolExecutor() as pool:
        for part in pool.map(count, range(SKIP, SKIP + num_draws, CHUNK)):
            sizes += part
    return sizes


def gather(num_shards: int) -> None:
    """Measures the reports of all manifests in the worker that gathers them, and the files made of them."""
    task, layout = Task(digits=9, num_examples=num_shards * 2**20), Layout(num_shards)
    tracemalloc.start()
    start = time.perf_counter()
    text = json.dumps(
        [
            dataclasses.asdict(
                ManifestReport(
                    number,
                    64 * "0",
                    34 * "0",
                    {split: [2**19] * len(manifests.shards_of(layout, number)) for split in SPLITS},
                    Tally(4 * len(manifests.shards_of(layout, number)), 64 * "f"),
                )
            )
            for number in range(len(manifests.names(layout)))
        ]
    )
    reports = [ManifestReport.of_json(found) for found in json.loads(text)]
    with tempfile.TemporaryDirectory() as name:
        write_catalog(task, layout, Path(name), task.num_examples, of_manifests=reports)
        size = (Path(name) / "metadata.json").stat().st_size
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    seconds = time.perf_counter() - start
    print(
        f"\nreports of {num_shards:,} shards: {len(text):,} bytes, {peak:,} bytes of memory at the peak, "
        f"metadata.json {size:,} bytes, {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
