"""Measures Flink beside the local runner: ``make bench-flink``.

Both make the same dataset, one after the other, each in processes of its own. Flink is a cluster of two task managers
with little memory for sorting.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import clusters
import timing
from programs import PROGRAM, environment, files

from seq2seq_arith.base.machine import cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-examples", type=int, default=10_000_000)
    parser.add_argument("--managed", type=int, default=16, help="megabytes that each task manager has for sorting")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    module = clusters.load("flink")
    settings = module.Settings(managed=given.managed)
    task = ["addition", "--digits=7", f"--num-examples={given.num_examples}", "--no-parquet"]
    print(f"{cores()} cores; {' '.join(task)}; medians of {given.runs} runs, in turns")
    folder = Path(tempfile.mkdtemp())
    try:
        with module.Cluster(folder / "cluster", settings) as cluster:
            rows = [compare(cluster, task, folder) for _ in range(given.runs)]
    finally:
        shutil.rmtree(folder)
    columns = (sorted(column) for column in zip(*rows, strict=True))
    local, whole, job, spilled, manager, worker, alone = (column[len(rows) // 2] for column in columns)
    print(f"local runner {local:8.1f} s   {alone / 1e6:,.0f} MB")
    print(f"Flink        {whole:8.1f} s   of which the job takes {job:.1f} s")
    print(f"  ratio      {whole / local:.2f}")
    print(f"  spilled    {spilled:,} bytes, with {given.managed} MB per task manager for sorting")
    print(f"  memory     {manager / 1e6:,.0f} MB the largest task manager, {worker / 1e6:,.0f} MB the largest worker")


def compare(cluster, task: list[str], folder: Path) -> tuple[float, float, float, int, int, int, int]:
    """One run of each.

    Returns:
      Seconds of the local runner, of Flink, and of Flink's job; bytes spilled; peak bytes of memory of the largest task
      manager, the largest worker, and the local runner.
    """
    local = generate(task, folder / "local")
    with clusters.watched(cluster) as seen:
        remote = generate(task, folder / "flink", *cluster.flags)
    assert files(folder / "local") == files(folder / "flink")
    for name in ("local", "flink"):
        shutil.rmtree(folder / name)
    (job, *_) = cluster.jobs()
    memory = (seen.task_manager, seen.worker, local.memory)
    return local.seconds, remote.seconds, job["duration"] / 1000, seen.spilled, *memory


def generate(task: list[str], data_dir: Path, *flags: str) -> timing.Measured:
    """A run of ``arith-data generate``, its start included."""
    return timing.run([*PROGRAM, "generate", *task, f"--data-dir={data_dir}", *flags], env=environment())


if __name__ == "__main__":
    main()
