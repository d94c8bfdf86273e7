"""Object stores in memory, by ``obstore`` itself, in place of Google's and Amazon's."""

import functools
from typing import Any

from obstore import store

from seq2seq_arith.pipelines.places.clients import Kind

SCHEME = "memory"


class MemoryStore(store.MemoryStore):
    """Copies what it is given: the file behind it is gone when its upload has ended."""

    def put(self, path: str, file: Any, **how: Any) -> Any:
        return super().put(path, bytes(file), **how)


# All paths of a process see the same objects.
_opened = functools.cache(lambda bucket: MemoryStore())
KIND = Kind(lambda bucket, options: _opened(bucket), ("obstore",), "none")
