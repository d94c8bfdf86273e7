"""An object store in memory: a dictionary with versions behind the client of ``ObjectPath``."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence

from seq2seq_arith.pipelines.places.clients import PIECE, Entry, State

SCHEME = "memory"


class MemoryStore:
    """A client for ``memory://BUCKET/KEY``; all clients of a process see the same objects."""

    MODULES, EXTRA = ("io",), "none"

    _lock = threading.Lock()
    _versions = itertools.count(1)
    _objects: dict[tuple[str, str], tuple[bytes, str, float, str]] = {}  # noqa: RUF012

    def __init__(self, options: object) -> None:
        del options

    def state(self, bucket: str, key: str) -> State | None:
        found = self._objects.get((bucket, key))
        return found and State(found[1], found[3])

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        found = self._objects.get((bucket, key))
        return found and found[:2]

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        found = self._objects.get((bucket, key))
        if found is None:
            raise FileNotFoundError(f"{SCHEME}://{bucket}/{key}")
        for start in range(0, len(found[0]), PIECE):
            yield found[0][start : start + PIECE]

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        return b"".join(self.pieces(bucket, key))[start : start + size]

    def put(self, bucket: str, key: str, content: bytes, version: str | None, sha256: str) -> str | None:
        with self._lock:
            found = self._objects.get((bucket, key))
            if version is not None and version != (found[1] if found else ""):
                return None
            new = f"{next(self._versions)}"
            self._objects[bucket, key] = (bytes(content), new, time.time(), sha256)
        return new

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._objects.pop((bucket, key), None)

    def list(self, bucket: str, prefix: str) -> Iterator[Entry]:
        with self._lock:
            found = sorted(
                Entry(key, len(data), modified, version)
                for (owner, key), (data, version, modified, _) in self._objects.items()
                if owner == bucket and key.startswith(f"{prefix}/" if prefix else "")
            )
        yield from found
