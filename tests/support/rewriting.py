"""Changes to a finished dataset that leave its checksums right."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import reference

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.files import json_sha256
from seq2seq_arith.pipelines.formats.layout import TFRECORD, shard_file
from seq2seq_arith.pipelines.formats.parquet import SCHEMA

# Among its draws are duplicates, and no shard of either split is empty.
TASK = Task("subtraction", size=2, num_examples=120, seed=4)
SHARDS = 3
Rows = list[tuple[str, str]]


def rewritten(directory: Path, change: Callable[[dict], object] = lambda metadata: None) -> None:
    """Makes every checksum right again, after files were changed and then the metadata."""
    path = directory / "metadata.json"
    metadata = json.loads(path.read_text())
    for name in metadata["files"]:
        if (directory / name).exists():
            metadata["files"][name] = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    change(metadata)
    metadata["sha256"] = json_sha256(metadata)
    path.write_text(json.dumps(metadata))


def rows(directory: Path, name: str) -> Rows:
    """The rows of the Parquet files whose names begin so: of one shard as ``train-00001``, of a split as ``train``."""
    tables = [pq.read_table(path) for path in sorted((directory / "parquet").glob(f"{name}-*"))]
    return [row for table in tables for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def write_both(directory: Path, name: str, of_shard: Rows) -> None:
    """Writes one shard of a split in both formats, whole and with the right framing."""
    columns = [[question for question, _ in of_shard], [answer for _, answer in of_shard]]
    path = directory / f"parquet/{name}-of-00003.parquet"
    pq.write_table(pa.table(columns, schema=SCHEMA), path, use_dictionary=False)
    split, shard = name.split("-")
    path = directory / shard_file(TFRECORD, split, int(shard), SHARDS)
    path.write_bytes(b"".join(reference.record(*row) for row in of_shard))
