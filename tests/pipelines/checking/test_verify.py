"""``verify`` against a dataset that is right, and against damaged files."""

import json
import os
from pathlib import Path

import pytest
import stored
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import files
from rewriting import SHARDS, TASK, rewritten, rows, write_both
from strategies import small_tasks

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.array_record import OPTIONS, array_record_path
from seq2seq_arith.pipelines.formats.layout import Layout, choose_formats, dataset_path
from seq2seq_arith.pipelines.formats.tfrecord import tfrecord_path
from seq2seq_arith.pipelines.places.paths import ObjectPath


def test_what_is_right(right):
    result = verify(right)
    assert result.problems == []
    assert result.summary == "15 files and 120 examples are as they should be"


@given(small_tasks(max_examples=100), st.integers(1, 9), st.booleans())
@settings(max_examples=4)
def test_whatever_is_generated_is_right(make, task, num_shards, parquet):
    assert verify(make(task, num_shards, parquet)).problems == []


FILES = [
    "metadata.json",
    "dataset_info.json",
    "features.json",
    "seq2seq_arith-train.tfrecord-00001-of-00003",
    "seq2seq_arith-validation.tfrecord-00002-of-00003",
    "parquet/train-00000-of-00003.parquet",
]


def undamaged(right: Path, directory: Path) -> Path:
    """A copy in which the files that an earlier example has changed are right again."""
    for name, content in files(right).items():
        path = directory / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return directory


@given(st.sampled_from(FILES), st.data())
def test_a_flipped_byte_anywhere(right, tmp_path_factory, name, data):
    directory = undamaged(right, tmp_path_factory.getbasetemp() / "flipped")
    content = bytearray((directory / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (directory / name).write_bytes(content)
    problems = verify(directory).problems
    assert problems
    assert any(problem.startswith(f"{directory / name}: ") for problem in problems)


def lose(directory: Path, name: str) -> None:
    (directory / name).unlink()


def truncate(directory: Path, name: str) -> None:
    content = (directory / name).read_bytes()
    (directory / name).write_bytes(content[: len(content) // 2])


def empty(directory: Path, name: str) -> None:
    (directory / name).write_bytes(b"")


def lengthen(directory: Path, name: str) -> None:
    (directory / name).write_bytes((directory / name).read_bytes() + b"\0")


# Each way with several files, and each file with several ways.
HARMED = [
    *((lose, name) for name in FILES[1:4]),
    *((truncate, name) for name in (FILES[1], FILES[3], FILES[5])),
    *((empty, name) for name in (FILES[2], FILES[4], FILES[5])),
    *((lengthen, name) for name in (FILES[2], FILES[3], FILES[5])),
]


@pytest.mark.parametrize(("harm", "name"), HARMED, ids=lambda value: getattr(value, "__name__", value))
def test_a_file_that_is_harmed_is_named(copy, harm, name):
    harm(copy, name)
    problems = verify(copy).problems
    assert any(problem.startswith(f"{copy / name}: ") for problem in problems)


@pytest.mark.parametrize(
    "name", ["more.txt", "parquet/train-00003-of-00003.parquet", ".report.json", ".temp-1", "new/file"]
)
def test_a_surplus_file_is_named(copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("more")
    assert verify(copy).problems == [f"{copy / name}: does not belong to the dataset"]


@pytest.mark.parametrize(
    ("pattern", "checksums"),
    [
        ("seq2seq_arith-train.tfrecord-0000{}-of-00003", "made right"),
        ("parquet/train-0000{}-of-00003.parquet", "left"),
    ],
)
def test_two_files_swapped(copy, pattern, checksums):
    first, second = (copy / pattern.format(shard) for shard in (0, 1))
    (copy / "aside").write_bytes(first.read_bytes())
    second.rename(first)
    (copy / "aside").rename(second)
    if checksums == "made right":
        rewritten(copy)
    problems = verify(copy).problems
    assert {problem.split(": ")[0] for problem in problems} == {str(first), str(second)}


@pytest.mark.parametrize("change", [lambda of_shard: of_shard[:-1], lambda of_shard: [*of_shard, of_shard[-1]]])
def test_a_row_lost_or_gained_with_its_checksums_made_right(copy, change):
    of_shard = rows(copy, "train-00001")
    write_both(copy, "train-00001", change(of_shard))
    rewritten(copy)
    problems = verify(copy).problems
    assert len(problems) == 2
    assert all(f"rows, not {len(of_shard)}" in problem for problem in problems)


def test_array_records_in_another_order(tmp_path):
    stored.make(TASK, Layout(1, choose_formats({"array_record": True})), tmp_path)
    directory = dataset_path(tmp_path, TASK)
    path = directory / array_record_path("train", 0, 1)
    records = ArrayRecordReader(str(path)).read_all()
    writer = ArrayRecordWriter(str(path), OPTIONS)
    for record in reversed(records):
        writer.write(record)
    writer.close()
    rewritten(directory)
    assert [problem.split(": ")[0] for problem in verify(directory).problems] == [str(path)]


def test_an_example_moved_to_the_other_split(copy):
    train, validation = rows(copy, "train-00001"), rows(copy, "validation-00001")
    write_both(copy, "train-00001", [*train[:-1], validation[0]])
    write_both(copy, "validation-00001", [train[-1], *validation[1:]])
    rewritten(copy)
    assert len(verify(copy).problems) == 4


def test_counts_moved_from_one_file_to_another(copy):
    path = copy / "dataset_info.json"
    info = json.loads(path.read_text())
    first, second, *_ = lengths = info["splits"][0]["shardLengths"]
    lengths[:2] = [str(int(first) - 1), str(int(second) + 1)]
    path.write_text(json.dumps(info, indent=2))
    rewritten(copy)
    (problem,) = verify(copy).problems
    assert problem == f"{path}: counts other examples in the files of {info['splits'][0]['name']}"


@pytest.mark.parametrize("content", ['{"splits": [{"name": "train", "shardLengths": [Infinity]}]}', "[" * 200_000])
def test_an_info_that_cannot_be_read(copy, content):
    path = copy / "dataset_info.json"
    path.write_text(content)
    rewritten(copy)
    (problem,) = verify(copy).problems
    assert problem.startswith(f"{path}: does not count ")


@pytest.mark.parametrize("kind", ["missing", "file", "empty"])
def test_no_dataset_at_all(tmp_path, kind):
    path = tmp_path / "dataset"
    if kind == "file":
        path.write_text("")
    if kind == "empty":
        path.mkdir()
    with pytest.raises(InputError, match=str(path)):
        verify(path)
    assert files(tmp_path) == ({"dataset": b""} if kind == "file" else {})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("pipe", FILES[-1]),
        ("/dev/zero", "dataset_info.json"),
        ("/dev/zero", tfrecord_path("train", 1, SHARDS)),
        ("folder", "features.json"),
    ],
)
def test_a_file_that_would_block_or_never_end(copy, name, kind):
    (copy / name).unlink()
    if kind == "pipe":
        os.mkfifo(copy / name)
    elif kind == "folder":
        (copy / name).mkdir()
    else:
        (copy / name).symlink_to(kind)
    problems = verify(copy).problems
    assert any(problem.startswith(f"{copy / name}: ") for problem in problems)
    if kind != "folder":
        assert f"{copy / name}: cannot be read " in " ".join(problems)
        assert "Not a regular file" in " ".join(problems)


@pytest.fixture
def in_store(data_dir) -> ObjectPath:
    stored.make(stored.TASK, stored.LAYOUTS["three"], data_dir)
    return dataset_path(data_dir, stored.TASK)


SHARD, TABLE = stored.LAYOUTS["three"].paths("train", 1)


@pytest.mark.parametrize("name", ["metadata.json", "dataset_info.json", SHARD, TABLE])
def test_changes_in_a_store(in_store, name):
    content = bytearray((in_store / name).read_bytes())
    content[len(content) // 2] ^= 1
    (in_store / name).put(bytes(content))
    assert any(problem.startswith(f"{in_store / name}: ") for problem in verify(in_store).problems)
    if name != "metadata.json":
        (in_store / name).unlink()
        (in_store / "more.txt").write_text("more")
        problems = verify(in_store).problems
        assert f"{in_store / name}: is missing" in problems
        assert f"{in_store / 'more.txt'}: does not belong to the dataset" in problems


class TestQuick:
    """``quick`` reads no example."""

    @pytest.mark.parametrize("harm", [lose, truncate, empty, lengthen], ids=lambda harm: harm.__name__)
    def test_a_harmed_file_is_named(self, copy, harm):
        harm(copy, FILES[3])
        problems = verify(copy, quick=True).problems
        assert problems
        assert all(problem.startswith(f"{copy / FILES[3]}: ") for problem in problems)

    def test_a_size_that_is_not_that_of_the_counted_records(self, copy):
        path = copy / FILES[3]
        path.write_bytes(path.read_bytes()[: -len(path.read_bytes()) // 2])
        rewritten(copy)
        (problem,) = verify(copy, quick=True).problems
        assert problem.startswith(f"{path}: has {path.stat().st_size:,} bytes, not the ")

    def test_examples_are_not_read(self, copy):
        of_shard = rows(copy, "train-00001")
        write_both(copy, "train-00001", [*of_shard[:4], of_shard[5], of_shard[4], *of_shard[6:]])
        rewritten(copy)
        assert verify(copy, quick=True).problems == []
        assert verify(copy).problems
