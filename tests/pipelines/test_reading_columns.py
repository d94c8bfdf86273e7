"""Columns of numbers in Parquet, as every reader of columns gives them."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas
import polars
import programs
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

COLUMNS = ("left", "right", "answer_value", "carries")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """Where a dataset with columns is."""
    folder = tmp_path_factory.mktemp("columns")
    options = ["--num-examples=300", "--num-shards=2", f"--columns={','.join(COLUMNS)}"]
    assert programs.run_here("generate", "addition", *options, f"--data-dir={folder}").returncode == 0
    return folder


def dataset(data_dir: Path) -> Path:
    return data_dir / "seq2seq_arith/addition-n300/1.0.0"


def test_every_reader_of_columns_gives_the_same_numbers(data_dir):
    pattern = str(dataset(data_dir) / "parquet/train-*.parquet")
    paths = sorted(map(str, dataset(data_dir).glob("parquet/train-*.parquet")))
    tables = {
        "Polars": polars.read_parquet(pattern).to_arrow(),
        "DuckDB": duckdb.sql(f"select * from '{pattern}'").arrow().read_all(),
        "pandas": pa.Table.from_pandas(pandas.concat(map(pandas.read_parquet, paths)), preserve_index=False),
        "PyArrow": pyarrow.dataset.dataset(paths).to_table(),
    }
    expected = []
    for row in pq.ParquetDataset(paths).read(["question"]).to_pylist():
        left, right = map(int, row["question"][::-1].split("+"))
        carries = sum(
            left % 10**place + right % 10**place >= 10**place for place in range(1, 4)
        )  # fmt: skip
        expected.append((left, right, left + right, carries))
    assert len(expected) == 270
    for reader, table in tables.items():
        assert [table.schema.field(name).type for name in COLUMNS] == [pa.int64()] * 4, reader
        assert list(zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True)) == expected, reader


HUGGING_FACE = """
import json, sys
import datasets
options = {"cache_dir": sys.argv[2], "verification_mode": "all_checks"}
rows = datasets.load_dataset(sys.argv[1], split="train", **options)
streamed = next(iter(datasets.load_dataset(sys.argv[1], split="train", streaming=True)))
array = rows.with_format("numpy")["left"][:]
print(json.dumps([rows.features["carries"].dtype, sum(rows["answer_value"]), streamed == rows[0], int(array.sum())]))
"""


@pytest.mark.slow
def test_hugging_face_reads_them_by_the_card(data_dir, tmp_path):
    assert programs.run_here("card", data_dir).returncode == 0
    folder = data_dir / "seq2seq_arith"
    fields = json.loads((folder / "croissant.json").read_text())["recordSet"][0]["field"]
    assert [field["dataType"] for field in fields] == ["sc:Text"] * 2 + ["sc:Integer"] * 4
    environment = programs.environment() | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", HUGGING_FACE, str(folder), str(tmp_path)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = pq.ParquetDataset(sorted(dataset(data_dir).glob("parquet/train-*.parquet"))).read()
    sums = {name: sum(table.column(name).to_pylist()) for name in COLUMNS}
    assert json.loads(done.stdout.splitlines()[-1]) == ["int64", sums["answer_value"], True, sums["left"]]
