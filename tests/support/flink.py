"""A Flink cluster that the tests start themselves: ``engines/flink/cluster.py`` on the jars of ``make flink``."""

import contextlib
import dataclasses
import importlib.util
import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


def missing() -> str | None:
    """The programs that this machine lacks, in a sentence; None if it has them all."""
    lacking = [name for name, program in {"a JDK": "javac", "Maven": "mvn", "make": "make"}.items() if not has(program)]
    return f"Flink needs {' and '.join(lacking)}, which is not here" if lacking else None


def has(program: str) -> bool:
    """Whether there is such a program."""
    return shutil.which(program) is not None


def load():
    """The module ``cluster``, after ``make flink`` has made the jars."""
    built = subprocess.run(["make", "flink"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    if built.returncode:
        raise RuntimeError(f"make flink: {built.stdout}{built.stderr}")
    return module()


def module():
    """The module ``cluster``; the jars are needed only to start a cluster."""
    spec = importlib.util.spec_from_file_location("cluster", ROOT / "engines" / "flink" / "cluster.py")
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@dataclasses.dataclass
class Seen:
    """The peak use of disk and memory during a run.

    Attributes:
      spilled: Bytes of the files that Flink wrote to sort: one file per sorted run, removed when the runs are merged. A
        file that existed only between two looks is missed.
      task_manager, worker: Bytes of memory of the largest process of each kind.
    """

    spilled: int = 0
    task_manager: int = 0
    worker: int = 0


@contextlib.contextmanager
def watched(cluster) -> Iterator[Seen]:
    """Watches a cluster's files and memory until the block ends."""
    seen, sizes, stop = Seen(), {}, threading.Event()

    def look() -> None:
        looks = itertools.count()
        # A file may exist for a tenth of a second only. Memory changes more slowly, and takes longer to read.
        while not stop.wait(0.02):
            for path in cluster.tmp.glob("flink-io-*/**/*"):
                with contextlib.suppress(OSError):
                    if path.is_file():
                        sizes[path] = max(sizes.get(path, 0), path.stat().st_size)
            seen.spilled = sum(sizes.values())
            if next(looks) % 20 == 0:
                managers = [process.pid for process in cluster.task_managers]
                seen.task_manager = max(seen.task_manager, *map(memory, managers))
                seen.worker = max(seen.worker, *(memory(worker.pid) for worker in workers(cluster)), 0)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def memory(pid: int) -> int:
    """Bytes of memory of a process; 0 if it has ended."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def workers(cluster) -> list[psutil.Process]:
    """Python's workers, including those whose task manager has ended."""
    groups = {process.pid for process in cluster.task_managers}
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            command = " ".join(process.info["cmdline"] or ())
            if "arith-worker" in command and os.getpgid(process.pid) in groups:
                found.append(process)
    return found
