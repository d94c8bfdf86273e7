"""The memory, the processors and the disk space of this machine."""

import os
import shutil
import sys
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Bytes of memory that this process could still take: the machine's, or its container's if that is less."""
    import psutil  # workers of an engine do not have it

    return min(psutil.virtual_memory().available, _left_in_group(CONTROL_GROUP))


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_disk(directory: Path) -> tuple[Path, int]:
    """The nearest directory above that exists, and how many bytes are free there."""
    standing = next(part for part in (directory, *directory.parents) if part.exists())
    return standing, shutil.disk_usage(standing).free


def _left_in_group(folder: Path) -> int:
    """Bytes that the control group (version 2) leaves to its processes; a container has one."""
    limit, used = folder / "memory.max", folder / "memory.current"
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    return max(0, int(limit.read_text()) - int(used.read_text()))
