"""Manifests: the checksums of very many files, in files of their own instead of in ``metadata.json``.

Above ``FEW_SHARDS`` shards, ``metadata.json`` would have a hundred bytes per file, and one worker, the program that
waits, and each reader would hold all of them. So the shards are cut into at most ``MOST`` runs of neighbours. A worker
writes one manifest for each run, and ``metadata.json`` has the checksums of the manifests::

    metadata.json                     {..., "formats": ["tfrecord", "parquet"], "files": {
                                        "manifests/00000-of-00256.json": sha256, ..., "dataset_info.json": sha256, ...}}
    manifests/00000-of-00256.json     {"parquet/train-00000-of-16384.parquet": sha256, ...}
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seq2seq_arith.pipelines.formats.layout import MANIFESTED_FORMATS, SPLITS, Layout
from seq2seq_arith.pipelines.formats.shards import ShardReport
from seq2seq_arith.pipelines.places.staging import Staging, Tally

FEW_SHARDS, MOST = 10_000, 256
FOLDER = "manifests"
NAMES = rf"{FOLDER}/\d{{5}}-of-\d{{5}}\.json"


@dataclasses.dataclass(frozen=True)
class ManifestReport:
    """A manifest that was written.

    Attributes:
      number: Which one.
      sha256, version: Of its file; the version is empty on a disk.
      lengths: The examples of each of its shards, by split.
      tally: Stands for the versions of the files that it names.
    """

    number: int
    sha256: str
    version: str
    lengths: dict[str, list[int]]
    tally: Tally

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> "ManifestReport":
        """From what ``dataclasses.asdict`` has made."""
        return cls(**{**found, "tally": Tally(**found["tally"])})


def are_used(layout: Layout) -> bool:
    """Whether a dataset that is made now has manifests."""
    return layout.num_shards > FEW_SHARDS


def are_named(metadata: Mapping[str, Any]) -> bool:
    """Whether the dataset with this metadata has manifests; a large one of an earlier program has not."""
    return MANIFESTED_FORMATS in metadata


def shards_per_manifest(num_shards: int) -> int:
    """The most shards of one manifest; the last manifest may have fewer."""
    return -(-num_shards // MOST)


def number_of(layout: Layout, shard: int) -> int:
    """The manifest of a shard."""
    return shard // shards_per_manifest(layout.num_shards)


def shards_of(layout: Layout, number: int) -> range:
    """The shards of a manifest."""
    size = shards_per_manifest(layout.num_shards)
    return range(number * size, min((number + 1) * size, layout.num_shards))


def names(layout: Layout) -> list[str]:
    """The files of all manifests, below the dataset's directory."""
    count = number_of(layout, layout.num_shards - 1) + 1
    return [f"{FOLDER}/{number:05}-of-{count:05}.json" for number in range(count)]


def is_manifest(name: str) -> bool:
    """Whether a file below the dataset's directory is a manifest."""
    return re.fullmatch(NAMES, name) is not None


def files_of(layout: Layout, number: int) -> Iterator[str]:
    """The files that a manifest names."""
    for shard in shards_of(layout, number):
        for split in SPLITS:
            yield from layout.paths(split, shard)


def write(layout: Layout, staging: Staging, number: int, reports: Iterable[ShardReport]) -> ManifestReport:
    """Writes the manifest of some shards from the reports of all of these."""
    in_order = sorted(reports, key=lambda report: report.shard)
    digests = {path: digest for report in in_order for path, digest in report.files.items()}
    with staging.whole_file(names(layout)[number]) as file:
        file.write(json.dumps(dict(sorted(digests.items()))).encode())
    return ManifestReport(
        number=number,
        sha256=file.sha256,
        version=file.version,
        lengths={split: [report.num_examples for report in in_order if report.split == split] for split in SPLITS},
        tally=Tally.of(item for report in in_order for item in report.versions.items()),
    )


def write_all(layout: Layout, staging: Staging, reports: Sequence[ShardReport]) -> list[ManifestReport]:
    """Writes all manifests, for a program that has all reports."""
    by_number: dict[int, list[ShardReport]] = {}
    for report in reports:
        by_number.setdefault(number_of(layout, report.shard), []).append(report)
    return [write(layout, staging, *each) for each in sorted(by_number.items())]
