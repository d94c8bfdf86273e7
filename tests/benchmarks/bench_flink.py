"""Flink side by side with the local runner, in one run: ``make bench-flink``.

Both make the same dataset, one after the other, each in processes of its own. Flink is a cluster of two task managers
that have little memory to sort in.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import flink
from programs import PROGRAM, environment, files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-examples", type=int, default=10_000_000)
    parser.add_argument("--managed", type=int, default=16, help="megabytes that each task manager sorts in")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    module = flink.load()
    settings = module.Settings(managed=given.managed)
    task = ["addition", "--digits=7", f"--num-examples={given.num_examples}", "--no-parquet"]
    print(f"{os.cpu_count()} cores; {' '.join(task)}; medians of {given.runs} runs, by turns")
    folder = Path(tempfile.mkdtemp())
    try:
        with module.Cluster(folder / "cluster", settings) as cluster:
            rows = [compare(cluster, task, folder) for _ in range(given.runs)]
    finally:
        shutil.rmtree(folder)
    columns = (sorted(column) for column in zip(*rows, strict=True))
    local, whole, job, spilled, manager, worker, alone = (column[len(rows) // 2] for column in columns)
    print(f"local runner {local:8.1f} s   {alone / 1e6:,.0f} MB")
    print(f"Flink        {whole:8.1f} s   of which the job runs {job:.1f} s")
    print(f"  ratio      {whole / local:.2f}")
    print(f"  spilled    {spilled:,} bytes, with {given.managed} MB in each task manager to sort in")
    print(f"  memory     {manager / 1e6:,.0f} MB the largest task manager, {worker / 1e6:,.0f} MB the largest worker")


def compare(cluster, task: list[str], folder: Path) -> tuple[float, float, float, int, int, int, int]:
    """One run of each: seconds of the local runner, of Flink, and of its job; bytes spilled; bytes of memory."""
    local, alone = timed(task, folder / "local")
    with flink.watched(cluster) as seen:
        whole, _ = timed(task, folder / "flink", *cluster.flags)
    assert files(folder / "local") == files(folder / "flink")
    for name in ("local", "flink"):
        shutil.rmtree(folder / name)
    (job, *_) = cluster.jobs()
    return local, whole, job["duration"] / 1000, seen.spilled, seen.task_manager, seen.worker, alone


def timed(task: list[str], data_dir: Path, *flags: str) -> tuple[float, int]:
    """Seconds of a run of ``arith-data``, its start included, and bytes of its memory at the peak."""
    command = [*PROGRAM, "generate", *task, f"--data-dir={data_dir}", *flags]
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            said.seek(0)
            sys.exit(f"failed: {' '.join(command)}\n{said.read().decode()}")
    return seconds, usage.ru_maxrss * 1024


if __name__ == "__main__":
    main()
