"""The memory, the processors and the disk space of this machine. A module of its own, as the terminal needs it."""

import os
import shutil
import sys
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
TOO_LITTLE_MEMORY = "the memory that this process may use does not suffice; give it more"


def free_memory() -> int:
    """Bytes of memory that this process could still take, in its container if it runs in one."""
    import psutil  # workers of a runner do not have it

    return min(psutil.virtual_memory().available, _left_in_group(CONTROL_GROUP))


def is_short_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it comes from, is a MemoryError: libraries wrap it."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__ or error.__context__
    return error is not None


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_disk(directory: Path) -> tuple[Path, int]:
    """The nearest directory above that exists, and how many bytes are free there."""
    existing = next(part for part in (directory, *directory.parents) if part.exists())
    return existing, shutil.disk_usage(existing).free


def _left_in_group(folder: Path) -> int:
    """Bytes that the control group (version 2) leaves to its processes; a container has one."""
    limit, used = folder / "memory.max", folder / "memory.current"
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    return max(0, int(limit.read_text()) - int(used.read_text()))
