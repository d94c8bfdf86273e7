"""Measures how fast datasets are made and read, beside other common ways: ``make bench-data``.

Every way runs several times, each time alone in a process of its own; the table gives medians.
"""

import argparse
import statistics
from collections.abc import Callable

import timing
import ways

from seq2seq_arith.base.machine import cores

RUNS = 3

# A row's title, the function, its arguments. Indented rows are compared with the row of ours above them.
LARGE = {"size": 7, "num_examples": 20_000_000}
TABLE: list[tuple[str, Callable, dict]] = [
    ("this pipeline, addition of 7 digits, TFRecord", ways.pipeline, LARGE),
    ("  cp of the same bytes, and fsync", ways.copy, LARGE),
    ("this pipeline, pq, TFRecord and Parquet", ways.pipeline, {"task": "pq", "parquet": True}),
    ("this pipeline, addition, TFRecord and Parquet", ways.pipeline, {"parquet": True}),
    ("  Beam, one example per element, Distinct, WriteToParquet", ways.beam_elements, {}),
    ("  TFDS, a standard generator builder", ways.tfds_generator, {}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    print(f"{cores()} cores; medians of {runs} runs, each in a process of its own")
    print(f"{'':58}{'examples':>12}{'seconds':>9}{'per second':>12}{'peak MB':>9}{'ours is':>9}")
    ours = 0.0
    for name, way, arguments in TABLE:
        measured = [timing.call(ways.in_new_directory, way, arguments) for _ in range(runs)]
        rate = show(name, measured, ours if name.startswith(" ") else 0.0)
        ours = ours if name.startswith(" ") else rate


def show(name: str, measured: list[tuple[dict, int]], ours: float) -> float:
    """Prints the medians of runs (the report of a way and its peak bytes), and the speed-up of ``ours``, unless 0.

    Returns the rate, examples per second.
    """
    examples, memory = measured[0][0]["examples"], statistics.median(peak for _, peak in measured)
    seconds = statistics.median(run["seconds"] for run, _ in measured)
    rate = examples / seconds
    ratio = f"{ours / rate:>9.2f}" if ours else ""
    print(f"{name:58}{examples:>12,}{seconds:>9.2f}{rate:>12,.0f}{memory / 1e6:>9,.0f}{ratio}", flush=True)
    return rate


if __name__ == "__main__":
    main()
