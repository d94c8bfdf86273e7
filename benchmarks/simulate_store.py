"""Publishes a dataset of very many objects in a simulated store: the time, the memory and the requests that it takes.

``make bench-store`` publishes 10^6 objects. The store makes up the shards from their names when it is asked for a list,
so that they take no memory, and counts its requests. Each request of a real store takes some time, which is added up
and not waited for. The shards are not written: engines do that. What is measured is what the launching program does,
from the workers' report to the visible dataset.
"""

import argparse
import dataclasses
import hashlib
import itertools
import json
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, ClassVar

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, SPLITS, Layout, dataset_path
from seq2seq_arith.pipelines.formats.manifests import ManifestReport
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.places.operations import Listed, State
from seq2seq_arith.pipelines.places.paths import ObjectPath
from seq2seq_arith.pipelines.places.staging import Tally
from seq2seq_arith.pipelines.publishing.stores import StorePublisher
from seq2seq_arith.pipelines.steps.report import Written
from seq2seq_arith.pipelines.steps.run import describe

OBJECTS = 10**6
SCHEME, PAGE = "simulated", 1000
REQUEST_SECONDS = 0.15  # of a listed page or another request, from another place than the store's


class SimulatedStore:
    """A client of a store that has every shard of a layout, and what is put beside them."""

    MODULE, EXTRA = "io", "none"

    prefix: ClassVar[str] = ""
    layout: ClassVar[Layout] = Layout(1)
    hidden: ClassVar[bool] = True  # whether the shards are not there yet
    requests: ClassVar[Counter[str]] = Counter()
    _others: ClassVar[dict[str, tuple[bytes, str]]] = {}
    _versions: ClassVar[Iterator[int]] = itertools.count(1)

    def __init__(self, options: object) -> None:
        del options

    @classmethod
    def begin(cls, prefix: str, layout: Layout) -> None:
        """Makes the store anew, with the shards of a layout that are there once ``hidden`` is False."""
        cls.prefix, cls.layout, cls.hidden = prefix, layout, True
        cls.requests.clear()
        cls._others.clear()

    @staticmethod
    def version(name: str) -> str:
        """The version of a shard, as long as an S3 ETag."""
        return f'"{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"'

    def state(self, bucket: str, key: str) -> State | None:
        self.requests["look"] += 1
        found = self._others.get(key)
        return found and State(found[1], "")

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        self.requests["read"] += 1
        return self._others.get(key)

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        self.requests["read"] += 1
        if key not in self._others:
            raise FileNotFoundError(key)
        yield self._others[key][0]

    def read_range(self, bucket: str, key: str, start: int, size: int) -> bytes:
        return b"".join(self.pieces(bucket, key))[start : start + size]

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> bool:
        self.requests["write"] += 1
        found = self._others.get(key)
        if version is not None and version != (found[1] if found else ""):
            return False
        self._others[key] = (data, str(next(self._versions)))
        return True

    def upload(self, bucket: str, key: str, file: IO[bytes], sha256: str, version: str) -> str | None:
        file.seek(0)
        return self._others[key][1] if self.put(bucket, key, file.read(), version) else None

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self.requests["delete"] += -(-len(keys) // PAGE)
        for key in keys:
            self._others.pop(key, None)

    def list(self, bucket: str, prefix: str) -> Iterator[Listed]:
        self.requests["listing"] += 1
        names = () if self.hidden or not self.prefix.startswith(prefix) else self._shards()
        keys = itertools.chain(names, (key for key in list(self._others) if key.startswith(prefix)))
        for number, key in enumerate(keys):
            if number % PAGE == 0:
                self.requests["listed page"] += 1
            other = self._others.get(key)
            yield Listed(key, len(other[0]) if other else 2**26, 1e9, other[1] if other else self.version(key))

    @staticmethod
    def trouble(error: Exception) -> str:
        return ""

    @classmethod
    def _shards(cls) -> Iterator[str]:
        return (f"{cls.prefix}/{name}" for _, _, name in cls.layout.shard_files())


@dataclasses.dataclass(frozen=True)
class Measured:
    """What publishing took.

    Attributes:
      objects: How many files of examples were published.
      seconds: Of this program.
      requests: How many of each kind.
      metadata_bytes: The size of ``metadata.json``.
    """

    objects: int
    seconds: float
    requests: dict[str, int]
    metadata_bytes: int

    @property
    def waiting(self) -> float:
        """Seconds for which a real store would have been waited for."""
        return REQUEST_SECONDS * (sum(self.requests.values()) - self.requests["listing"])


def publish(objects: int) -> Measured:
    """Publishes a dataset of about so many objects: a TFRecord and a Parquet file of two splits per shard."""
    layout = Layout(max(1, objects // 4))
    task = Task(digits=9, num_examples=20 * layout.num_shards, num_validation=10 * layout.num_shards)
    path = dataset_path(ObjectPath(f"{SCHEME}://bucket/data"), task)
    SimulatedStore.begin(path.url.partition("bucket/")[2], layout)
    written = _written(task, layout, path)
    SimulatedStore.requests.clear()
    start = time.perf_counter()
    publisher = StorePublisher(path)
    assert publisher.published(task, layout, overwrite=False) is None
    with publisher.staged(layout) as staging:
        SimulatedStore.hidden = False
        metadata = describe(task, layout, staging, written)
    assert (path / DATASET_INFO).is_file()
    assert sum(name in metadata["files"] or layout.shard_of(name) is not None for name in publisher.sizes()) >= objects
    return Measured(
        objects=4 * layout.num_shards,
        seconds=time.perf_counter() - start,
        requests=Counter(SimulatedStore.requests),
        metadata_bytes=len(json.dumps(metadata)),
    )


def _written(task: Task, layout: Layout, path: ObjectPath) -> Written:
    """The report of workers that have written all shards and their manifests."""
    names, key = manifests.names(layout), path.url.partition("bucket/")[2]
    reports = []
    for number, name in enumerate(names):
        (path / name).put(b"{}")
        version = (path / name).state()
        assert version is not None
        shards = manifests.shards_of(layout, number)
        versions = ((file, SimulatedStore.version(f"{key}/{file}")) for file in manifests.files_of(layout, number))
        lengths = {split: [10] * len(shards) for split in SPLITS}
        reports.append(ManifestReport(number, 64 * "0", version.version, lengths, Tally.of(versions)))
    return Written(task.num_examples, [], reports)


def main() -> None:
    clients.CLIENTS[SCHEME] = SimulatedStore
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=OBJECTS, help="files of examples to publish")
    measured = publish(parser.parse_args().objects)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(measured.requests.items()))
    print(
        f"{measured.objects:,} objects were published in {measured.seconds:.0f} s of this program and "
        f"{measured.waiting:.0f} s of waiting for a store ({REQUEST_SECONDS} s per request), with {peak:.2f} GB at the "
        f"peak\nrequests: {kinds}; metadata.json has {measured.metadata_bytes:,} bytes"
    )


if __name__ == "__main__":
    main()
