"""A Flink cluster that the tests start themselves: ``engines/flink/cluster.py`` on the jars of ``make flink``."""

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Iterator

import clusters
import psutil


def load():
    """The module ``cluster``, after ``make flink`` has made the jars."""
    clusters.make("flink")
    return clusters.module("flink")


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
    return clusters.workers({process.pid for process in cluster.task_managers})
