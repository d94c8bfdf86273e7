"""``arith-data convert``: the same files as ``generate`` makes with these formats."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import programs
import pytest

from seq2seq_arith.pipelines.formats.catalog import metadata_digest

SIZE = ("--num-examples=300", "--num-shards=2")
FORMATS = {
    "both": ("--parquet", "--array-record"),
    "parquet": ("--parquet", "--no-array-record"),
    "array record": ("--no-parquet", "--array-record"),
    "neither": ("--no-parquet", "--no-array-record"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Path]:
    """The same dataset with every choice of formats, each in a data directory of its own."""
    folder = tmp_path_factory.mktemp("made")
    for name, options in FORMATS.items():
        result = programs.run_here("generate", "addition", *SIZE, *options, f"--data-dir={folder / name}")
        assert result.returncode == 0, result.stderr
    return {name: folder / name for name in FORMATS}


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def dataset(data_dir: Path) -> Path:
    return data_dir / "seq2seq_arith/addition-n300/1.0.0"


def test_each_conversion_gives_what_generate_makes(made, tmp_path):
    """From one choice to the next, back to the first; then nothing is left to do."""
    result = programs.run_here("generate", "addition", *SIZE, f"--data-dir={tmp_path}")
    assert result.returncode == 0
    for name in ("array record", "both", "neither", "parquet"):
        converted = programs.run_here("convert", dataset(tmp_path), *FORMATS[name])
        assert (converted.returncode, converted.stderr) == (0, "")
        assert programs.tree(tmp_path) == programs.tree(made[name])
        again = programs.run_here("convert", dataset(tmp_path), *FORMATS[name])
        assert "already; nothing was done" in again.stdout
    assert programs.run_here("verify", dataset(tmp_path)).returncode == 0


def test_without_an_option_the_formats_stay(made):
    before = programs.tree(made["both"])
    assert "nothing was done" in programs.run_here("convert", dataset(made["both"])).stdout
    assert programs.tree(made["both"]) == before


def test_tfds_is_told_of_the_format(made):
    told = {
        name: json.loads((dataset(data_dir) / "dataset_info.json").read_text()).get("alternativeFileFormats")
        for name, data_dir in made.items()
    }
    assert told == {"both": ["array_record"], "array record": ["array_record"], "parquet": None, "neither": None}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "metadata.json").unlink(), "has no metadata.json; give DATA_DIR/seq2seq_arith/CONFIG"),
        (lambda path: (path / "metadata.json").write_text("{"), "metadata.json: is not a JSON object; see arith-data"),
        (lambda path: (path / "mine").write_text(""), "mine: does not belong to the dataset; see arith-data verify"),
        (
            lambda path: (path / "seq2seq_arith-train.tfrecord-00001-of-00002").write_bytes(bytes(63 * 135)),
            "tfrecord-00001-of-00002: does not have the sha256 that metadata.json states; make the dataset anew",
        ),
        (
            lambda path: to_pipe(path / "parquet/train-00000-of-00002.parquet"),
            "parquet/train-00000-of-00002.parquet cannot be read: Not a regular file; see arith-data verify",
        ),
        (lambda path: path.parent.rename(path.parent.with_name("other")), "has no metadata.json"),
    ],
)
def test_a_damaged_dataset_is_refused_and_left_alone(damage, message, tmp_path):
    assert programs.run_here("generate", "addition", *SIZE, f"--data-dir={tmp_path}").returncode == 0
    damage(dataset(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    result = programs.run_here("convert", dataset(tmp_path), "--array-record")
    assert result.returncode == 2
    assert message in result.stderr
    assert [path for path in sorted(tmp_path.rglob("*")) if not path.name.startswith(".lock")] == [
        path for path in before if not path.name.startswith(".lock")
    ]


def test_a_dataset_that_was_moved_says_where_it_belongs(tmp_path):
    assert programs.run_here("generate", "addition", *SIZE, f"--data-dir={tmp_path}").returncode == 0
    dataset(tmp_path).parent.rename(tmp_path / "seq2seq_arith/other")
    result = programs.run_here("convert", tmp_path / "seq2seq_arith/other/1.0.0", "--array-record")
    assert result.returncode == 2
    assert f"is not where its dataset belongs; move it to {dataset(tmp_path)}" in result.stderr


def test_a_store_is_refused():
    result = programs.run_here("convert", "gs://bucket/data/seq2seq_arith/addition/1.0.0", "--array-record")
    assert result.returncode == 2
    assert "is on no disk of this machine" in result.stderr


# What verify finds


def damaged(made: dict[str, Path], tmp_path: Path, change) -> str:
    """The output of ``verify`` after an ArrayRecord file was changed and its checksum made right."""
    path = shutil.copytree(dataset(made["array record"]), tmp_path / "1.0.0")
    file = path / "seq2seq_arith-train.array_record-00000-of-00002"
    file.write_bytes(change(path, file.read_bytes()))
    metadata = json.loads((path / "metadata.json").read_text())
    metadata["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    metadata["sha256"] = metadata_digest(metadata)
    (path / "metadata.json").write_text(json.dumps(metadata))
    return programs.run_here("verify", path).stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path, data: b"", "array_record-00000-of-00002: cannot be read (ArrayRecord file should be at least"),
        (lambda path, data: data[:70_000], "array_record-00000-of-00002: cannot be read ("),
        (lambda path, data: data[:200] + b"x" + data[201:], "array_record-00000-of-00002: cannot be read (Corrupted"),
        (
            lambda path, data: (path / "seq2seq_arith-train.array_record-00001-of-00002").read_bytes(),
            "array_record-00000-of-00002: row 0: is not the example that the parameters give here",
        ),
        (
            lambda path, data: (path / "seq2seq_arith-validation.array_record-00000-of-00002").read_bytes(),
            "array_record-00000-of-00002: row 0: is not the example that the parameters give here",
        ),
    ],
)
def test_verify_names_what_is_wrong(change, message, made, tmp_path):
    assert message in damaged(made, tmp_path, change)
