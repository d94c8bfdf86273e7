"""Measures how fast datasets are made and read, beside other common ways: ``make bench-data``.

Every way runs several times, each time alone in a process of its own; the table gives medians. The argument ``sizes``
measures time and memory from 10^4 to 10^8 examples instead, and draws ``docs/sizes.png``.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import timing
import ways

from seq2seq_arith.base.machine import cores

RUNS = 3
SIZES = [10**4, 10**5, 10**6, 10**7, 10**8]

# A row's title, the function, its arguments. Indented rows are compared with the row of ours above them.
LARGE = {"digits": 7, "num_examples": 20_000_000}
TABLE: list[tuple[str, Callable, dict]] = [
    ("this pipeline, addition of 7 digits, TFRecord", ways.pipeline, LARGE),
    ("  cp of the same bytes, and fsync", ways.copy, LARGE),
    ("this pipeline, pq, TFRecord and Parquet", ways.pipeline, {"task": "pq", "parquet": True}),
    ("this pipeline, addition, TFRecord and Parquet", ways.pipeline, {"parquet": True}),
    ("  Beam, one example per element, Distinct, WriteToParquet", ways.beam_elements, {}),
    ("  TFDS, a standard generator builder", ways.tfds_generator, {}),
    ("  TFDS, a standard Beam builder", ways.tfds_beam, {}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("table", "sizes"), default="table")
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    if arguments.what == "sizes":
        sizes(Path(__file__).parents[1] / "docs")
    else:
        table(arguments.runs)


def table(runs: int) -> None:
    print(f"{cores()} cores; medians of {runs} runs, each in a process of its own")
    print(f"{'':58}{'examples':>12}{'seconds':>9}{'per second':>12}{'peak MB':>9}{'ours is':>9}")
    ours = 0.0
    for name, way, given in TABLE:
        measured = [measure(way, given) for _ in range(runs)]
        rate = show(name, measured, ours if name.startswith(" ") else 0.0)
        ours = ours if name.startswith(" ") else rate


def show(name: str, measured: list[dict], ours: float = 0.0) -> float:
    """Prints medians, and ``ours`` as a multiple of the rate if it is given; returns the rate, examples per second."""
    seconds, memory = (statistics.median(run[what] for run in measured) for what in ("seconds", "memory"))
    rate = measured[0]["examples"] / seconds
    ratio = f"{ours / rate:>9.2f}" if ours else ""
    row = f"{name:58}{measured[0]['examples']:>12,}{seconds:>9.2f}{rate:>12,.0f}{memory / 1e6:>9,.0f}{ratio}"
    print(row, flush=True)
    return rate


def measure(way: Callable, given: dict) -> dict:
    """One run of a way in a process of its own: examples, seconds as the way took them, and peak bytes of memory."""
    result, memory = timing.call(ways.in_new_directory, way, given)
    return result | {"memory": memory}


def sizes(docs: Path) -> None:
    """Measures time and memory against the number of examples, and draws both."""
    rows = []
    for size in SIZES:
        rows.append(measure(ways.pipeline, {"digits": 7, "num_examples": size}))
        show("this pipeline, addition of 7 digits, TFRecord", rows[-1:])
        time.sleep(2)  # let the disk finish its writes
    plot(rows, docs / "sizes.png")


def plot(rows: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    examples = [row["examples"] for row in rows]
    left.loglog(examples, [row["seconds"] for row in rows], "o-")
    left.set(xlabel="examples", ylabel="seconds", title="pipeline start to published directory")
    right.loglog(examples, [row["memory"] / 1e6 for row in rows], "o-")
    right.set(xlabel="examples", ylabel="MB at the peak", title="memory of the process")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
