"""How fast datasets are made and read, side by side with what one would do otherwise: ``make bench-data``.

Every way runs in a process of its own, alone, several times; the table gives medians. ``sizes`` as an argument measures
time and memory from 10^4 to 10^8 examples instead, and draws ``docs/sizes.png``.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ways

RUNS = 3
SIZES = [10**4, 10**5, 10**6, 10**7, 10**8]

# What is measured, and how; below each of ours, indented, what it is compared with.
LARGE = {"digits": 7, "num_examples": 20_000_000}
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
THREADS = ["--direct_running_mode=multi_threading", "--direct_num_workers=2"]
TABLE: list[tuple[str, Callable, dict]] = [
    ("this pipeline, addition of 7 digits, TFRecord", ways.pipeline, LARGE),
    ("  on one core", ways.pipeline, LARGE | {"cores": 1}),
    ("  in two of Beam's worker threads", ways.pipeline, LARGE | {"flags": THREADS}),
    ("  in two of Beam's worker processes", ways.pipeline, LARGE | {"flags": PROCESSES}),
    ("  cp of the same bytes, and fsync", ways.copy, LARGE),
    ("this pipeline, pq, TFRecord and Parquet", ways.pipeline, {"task": "pq", "parquet": True}),
    ("this pipeline, addition, TFRecord and Parquet", ways.pipeline, {"parquet": True}),
    ("  the notebook's loop, strings in memory only", ways.notebook, {}),
    ("  Beam, an element an example, Distinct, WriteToParquet", ways.beam_elements, {}),
    ("  TFDS, a standard generator builder", ways.tfds_generator, {}),
    ("  TFDS, a standard Beam builder", ways.tfds_beam, {}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("table", "sizes"), default="table")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--way", help=argparse.SUPPRESS)  # what a child process is to run
    arguments = parser.parse_args()
    if arguments.way:
        run_way(**json.loads(arguments.way))
    elif arguments.what == "sizes":
        sizes(Path(__file__).parents[2] / "docs")
    else:
        table(arguments.runs)


def table(runs: int) -> None:
    print(f"{os.cpu_count()} cores; medians of {runs} runs, each in a process of its own")
    print(f"{'':58}{'examples':>12}{'seconds':>9}{'a second':>12}{'peak MB':>9}{'ours is':>9}")
    ours = 0.0
    for name, way, given in TABLE:
        measured = [measure(way, given) for _ in range(runs)]
        rate = show(name, measured, ours if name.startswith(" ") else 0.0)
        ours = ours if name.startswith(" ") else rate
    for name, way in (("the trainer's input, pq", ways.read_trainer), ("  plain tfds.load, pq", ways.read_tfds)):
        measured = [measure(way, {}) for _ in range(runs)]
        rate = statistics.median(run["bytes"] / run["seconds"] for run in measured) / 1e6
        print(f"{name:58}{measured[0]['examples']:>12,}{_median(measured, 'seconds'):>9.2f}{rate:>9.0f} MB/s")


def show(name: str, measured: list[dict], ours: float = 0.0) -> float:
    """Prints a row, and how many times as fast ours is if it is compared with one; returns examples a second."""
    seconds = _median(measured, "seconds")
    rate = measured[0]["examples"] / seconds
    memory = _median(measured, "memory") / 1e6
    ratio = f"{ours / rate:>9.2f}" if ours else ""
    print(f"{name:58}{measured[0]['examples']:>12,}{seconds:>9.2f}{rate:>12,.0f}{memory:>9,.0f}{ratio}", flush=True)
    return rate


def measure(way: Callable, given: dict) -> dict:
    """One run in a process of its own: examples, seconds as the way took them, and bytes of memory at the peak."""
    call = json.dumps({"name": way.__name__, "given": given})
    child = subprocess.Popen(
        [sys.executable, __file__, "--way", call], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert child.stdout
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{way.__name__} failed; run: python {__file__} --way '{call}'")
    return json.loads(output.splitlines()[-1]) | {"memory": usage.ru_maxrss * 1024}


def run_way(name: str, given: dict) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        print(json.dumps(getattr(ways, name)(directory, **given)))
    finally:
        shutil.rmtree(directory)


def sizes(docs: Path) -> None:
    """Time and memory against the number of examples."""
    rows = []
    for size in SIZES:
        rows.append(measure(ways.pipeline, {"digits": 7, "num_examples": size}))
        show("this pipeline, addition of 7 digits, TFRecord", rows[-1:])
        time.sleep(2)  # for the disk to come to rest
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


def _median(measured: list[dict], name: str) -> float:
    return statistics.median(run[name] for run in measured)


if __name__ == "__main__":
    main()
