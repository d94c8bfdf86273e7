"""What this process knows, as in a fresh one."""

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def emptied(*containers: Any) -> Iterator[None]:
    """Empties some sets or dicts, such as those of ``process.current()``; they have what they had when the block ends.

    They stay the same objects, as other threads see these.
    """
    before = [container.copy() for container in containers]
    try:
        for container in containers:
            container.clear()
        yield
    finally:
        for container, content in zip(containers, before, strict=True):
            container.clear()
            container.update(content)
