"""The memory, the processors and the disk space of this machine. A separate module, because the terminal needs it."""

import os
import shutil
import sys
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
TOO_LITTLE_MEMORY = "this process needs more memory than it may use; give it more"


def free_memory() -> int:
    """Bytes of memory that this process can still allocate, within its container if it runs in one."""
    import psutil  # workers of a runner do not have it

    return min(psutil.virtual_memory().available, _left_in_group(CONTROL_GROUP))


def is_short_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is a MemoryError: libraries wrap it."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__ or error.__context__
    return error is not None


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_disk(directory: Path) -> tuple[Path, int]:
    """The nearest existing parent directory, and the number of free bytes on its disk."""
    existing = next(part for part in (directory, *directory.parents) if part.exists())
    return existing, shutil.disk_usage(existing).free


def _left_in_group(folder: Path) -> int:
    """Bytes that are left in the control group (version 2) of a container."""
    limit, used = folder / "memory.max", folder / "memory.current"
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    return max(0, int(limit.read_text()) - int(used.read_text()))
