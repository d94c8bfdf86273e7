"""Object stores in memory, by ``obstore`` itself, in place of Google's and Amazon's."""

import functools
import uuid
from typing import Any

import pytest
from obstore import store

from seq2seq_arith.pipelines.storage import clients

SCHEME = "memory"


class MemoryStore(store.MemoryStore):
    """Copies what it is given: the file behind it is gone when its upload has ended."""

    def put(self, path: str, file: Any, **options: Any) -> Any:
        return super().put(path, bytes(file), **options)


# All paths of a process see the same objects.
_opened = functools.cache(lambda bucket: MemoryStore())
KIND = clients.Kind(lambda bucket, options: _opened(bucket), ("obstore",), "none")


def new_bucket(patch: pytest.MonkeyPatch) -> str:
    """The URL of a bucket of its own, which this process sees."""
    patch.setitem(clients.KINDS, SCHEME, KIND)
    return f"{SCHEME}://{uuid.uuid4().hex}"
