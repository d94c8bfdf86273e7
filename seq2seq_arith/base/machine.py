"""The memory, the processors and the disk space of this machine."""

import os
import resource
import shutil
import sys
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
# A thread that cannot be started may lack memory for its stack, or be one too many (``ulimit -u``, a container): the
# system says the same of both.
TOO_LITTLE_MEMORY = "the memory or the threads that this process may use do not suffice; give it more"
# What the dynamic loader says if it finds no room for a library, and Python if it finds none for a thread's stack.
NO_ROOM = ("failed to map segment", "cannot allocate memory", "can't start new thread", "bad_alloc")


def free_memory() -> int:
    """Bytes of memory that this process could still take: the machine's, or its container's or ``ulimit -v``'s."""
    import psutil  # workers of an engine do not have it

    limit = _most_addresses()
    addresses = sys.maxsize if limit is None else max(0, limit - psutil.Process().memory_info().vms)
    return min(psutil.virtual_memory().available, _left_in_group(CONTROL_GROUP), addresses)


def is_short_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it comes from, is a lack of memory, or of threads.

    >>> is_short_of_memory(ImportError("x.so: failed to map segment from shared object"))
    True
    >>> is_short_of_memory(ImportError("no module named x"))
    False
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        # A function of C that fails without saying why is a SystemError: so do some that get no memory.
        if isinstance(error, MemoryError) or (isinstance(error, SystemError) and _most_addresses() is not None):
            return True
        # OSError and ImportError are those of a shared library, RuntimeError that of a thread.
        is_one = isinstance(error, (ImportError, OSError, RuntimeError))
        if is_one and any(words in str(error).lower() for words in NO_ROOM):
            return True
        error = error.__cause__ or error.__context__
    return False


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_disk(directory: Path) -> tuple[Path, int]:
    """The nearest directory above that exists, and how many bytes are free there."""
    standing = next(part for part in (directory, *directory.parents) if part.exists())
    return standing, shutil.disk_usage(standing).free


def _most_addresses() -> int | None:
    """The bytes of addresses that ``ulimit -v`` leaves to this process; None if it has no limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _left_in_group(folder: Path) -> int:
    """Bytes that the control group (version 2) leaves to its processes; a container has one."""
    limit, used = folder / "memory.max", folder / "memory.current"
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    return max(0, int(limit.read_text()) - int(used.read_text()))
