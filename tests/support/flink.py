"""A Flink that the tests bring up themselves: ``engines/flink/cluster.py`` on the jars of ``make flink``."""

import contextlib
import dataclasses
import importlib.util
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


def missing() -> str | None:
    """What this machine lacks for it; None if it lacks nothing."""
    lacking = [name for name, program in {"a JDK": "javac", "Maven": "mvn", "make": "make"}.items() if not has(program)]
    return f"Flink needs {' and '.join(lacking)}, which is not here" if lacking else None


def has(program: str) -> bool:
    """Whether there is such a program."""
    return shutil.which(program) is not None


def load():
    """The module ``cluster``, after the jars are there."""
    built = subprocess.run(["make", "flink"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    if built.returncode:
        raise RuntimeError(f"make flink: {built.stdout}{built.stderr}")
    spec = importlib.util.spec_from_file_location("cluster", ROOT / "engines" / "flink" / "cluster.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclasses.dataclass
class Seen:
    """What a run took at its peak.

    Attributes:
      spilled: Bytes of the files that Flink wrote to sort: it makes a new one for every run, and removes it when the
        runs are merged.
      task_manager, worker: Bytes of memory of the largest process of each kind.
    """

    spilled: int = 0
    task_manager: int = 0
    worker: int = 0


@contextlib.contextmanager
def watched(cluster) -> Iterator[Seen]:
    """Looks again and again at what a cluster has on its disk and in memory, until the block ends."""
    seen, sizes, stop = Seen(), {}, threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            for path in cluster.tmp.glob("flink-io-*/**/*"):
                with contextlib.suppress(OSError):
                    if path.is_file():
                        sizes[path] = max(sizes.get(path, 0), path.stat().st_size)
            seen.spilled = sum(sizes.values())
            for process in cluster.task_managers:
                with contextlib.suppress(psutil.Error):
                    seen.task_manager = max(seen.task_manager, psutil.Process(process.pid).memory_info().rss)
            for worker in workers(cluster):
                with contextlib.suppress(psutil.Error):
                    seen.worker = max(seen.worker, worker.memory_info().rss)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def workers(cluster) -> list[psutil.Process]:
    """Python's workers, those among them whose task manager is gone as well."""
    groups = {process.pid for process in cluster.task_managers}
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            command = " ".join(process.info["cmdline"] or ())
            if "arith-worker" in command and os.getpgid(process.pid) in groups:
                found.append(process)
    return found
