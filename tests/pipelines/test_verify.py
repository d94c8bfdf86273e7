"""``verify`` against a dataset that is right, and against everything that can be wrong with one."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import files
from strategies import small_tasks

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.pipelines.catalog import metadata_digest
from seq2seq_arith.pipelines.create import create
from seq2seq_arith.pipelines.parquet import SCHEMA
from seq2seq_arith.pipelines.publish import dataset_path
from seq2seq_arith.pipelines.shards import Layout, tfrecord_path
from seq2seq_arith.pipelines.verify import verify

# Among its draws are duplicates, and no shard of either split is empty.
TASK = Task("subtraction", digits=2, num_examples=120, seed=4)
SHARDS = 3


@pytest.fixture(scope="module")
def right(make) -> Path:
    return make(TASK, SHARDS, parquet=True)


@pytest.fixture
def copy(right, tmp_path) -> Path:
    return shutil.copytree(right, tmp_path / "copy")


def rewritten(directory: Path, change: Callable[[dict], None] = lambda metadata: None) -> None:
    """Makes every checksum right again, after files were changed and then the metadata."""
    path = directory / "metadata.json"
    metadata = json.loads(path.read_text())
    for name in metadata["files"]:
        if (directory / name).exists():
            metadata["files"][name] = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    change(metadata)
    metadata["sha256"] = metadata_digest(metadata)
    path.write_text(json.dumps(metadata))


def rows(directory: Path, name: str) -> list[tuple[str, str]]:
    table = pq.read_table(directory / f"parquet/{name}-of-00003.parquet")
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def write_both(directory: Path, name: str, of_shard: list[tuple[str, str]]) -> None:
    """One shard of a split in both formats, whole and with right framing."""
    columns = [[question for question, _ in of_shard], [answer for _, answer in of_shard]]
    pq.write_table(pa.table(columns, schema=SCHEMA), directory / f"parquet/{name}-of-00003.parquet")
    split, shard = name.split("-")
    path = directory / tfrecord_path(split, int(shard), SHARDS)
    path.write_bytes(b"".join(reference.record(*row) for row in of_shard))


def test_what_is_right(right):
    findings = verify(right)
    assert findings.problems == []
    assert findings.summary == "15 files and 120 examples are as they should be"


@given(small_tasks(max_examples=100), st.integers(1, 9), st.booleans())
@settings(max_examples=6)
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


@given(st.sampled_from(FILES), st.data())
@settings(max_examples=60)
def test_a_flipped_byte_anywhere(right, tmp_path_factory, name, data):
    directory = shutil.copytree(right, tmp_path_factory.mktemp("flipped") / "copy")
    content = bytearray((directory / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (directory / name).write_bytes(content)
    problems = verify(directory).problems
    assert problems
    assert any(problem.startswith(f"{directory / name}: ") for problem in problems)
    shutil.rmtree(directory)


def lose(directory: Path, name: str) -> None:
    (directory / name).unlink()


def truncate(directory: Path, name: str) -> None:
    content = (directory / name).read_bytes()
    (directory / name).write_bytes(content[: len(content) // 2])


def empty(directory: Path, name: str) -> None:
    (directory / name).write_bytes(b"")


def lengthen(directory: Path, name: str) -> None:
    (directory / name).write_bytes((directory / name).read_bytes() + b"\0")


@pytest.mark.parametrize("harm", [lose, truncate, empty, lengthen], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("name", FILES[1:])
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
    "pattern", ["seq2seq_arith-train.tfrecord-0000{}-of-00003", "parquet/train-0000{}-of-00003.parquet"]
)
@pytest.mark.parametrize("checksums", ["left", "made right"])
def test_two_files_swapped(copy, pattern, checksums):
    first, second = (copy / pattern.format(shard) for shard in (0, 1))
    (copy / "aside").write_bytes(first.read_bytes())
    second.rename(first)
    (copy / "aside").rename(second)
    if checksums == "made right":
        rewritten(copy)
    problems = verify(copy).problems
    assert {problem.split(": ")[0] for problem in problems} == {str(first), str(second)}


def set_answer(of_shard: list) -> list:
    return [*of_shard[:4], (of_shard[4][0], "7".ljust(TASK.answer_width)), *of_shard[5:]]


def set_question(of_shard: list) -> list:
    # A right answer, but to what nobody drew.
    return [*of_shard[:4], reference.text(TASK, 98, 97), *of_shard[5:]]


def mirror(of_shard: list) -> list:
    left, right = (int(part) for part in of_shard[4][0].strip().split("-"))
    return [*of_shard[:4], reference.text(TASK, right, left), *of_shard[5:]]


def widen(of_shard: list) -> list:
    return [*of_shard[:4], tuple(text + " " for text in of_shard[4]), *of_shard[5:]]


def shift(of_shard: list) -> list:
    question, answer = of_shard[4]
    return [*of_shard[:4], (" " + question[:-1], answer), *of_shard[5:]]


def other_letters(of_shard: list) -> list:
    question, answer = of_shard[4]
    return [*of_shard[:4], (question, "x" + answer[1:]), *of_shard[5:]]


def leading_zero(of_shard: list) -> list:
    left, right = of_shard[4][0].strip().split("-")
    question = f"0{left}-{right}".ljust(TASK.question_width)[: TASK.question_width]
    return [*of_shard[:4], (question, of_shard[4][1]), *of_shard[5:]]


def exchange(of_shard: list) -> list:
    return [*of_shard[:4], of_shard[5], of_shard[4], *of_shard[6:]]


def repeat(of_shard: list) -> list:
    return [*of_shard[:4], of_shard[3], *of_shard[5:]]


@pytest.mark.parametrize(
    "change",
    [set_answer, set_question, mirror, widen, shift, other_letters, leading_zero, exchange, repeat],
    ids=lambda change: change.__name__,
)
def test_a_row_altered_with_its_checksums_made_right(copy, change):
    """Both formats agree, all checksums are right, and yet it is not what the parameters give."""
    altered = change(rows(copy, "train-00001"))
    write_both(copy, "train-00001", altered)
    rewritten(copy)
    problems = verify(copy).problems
    assert {problem.split(": ")[0] for problem in problems} == {
        str(copy / "seq2seq_arith-train.tfrecord-00001-of-00003"),
        str(copy / "parquet/train-00001-of-00003.parquet"),
    }
    assert all(": row 4: " in problem for problem in problems)


@pytest.mark.parametrize("change", [lambda of_shard: of_shard[:-1], lambda of_shard: [*of_shard, of_shard[-1]]])
def test_a_row_lost_or_gained_with_its_checksums_made_right(copy, change):
    of_shard = rows(copy, "train-00001")
    write_both(copy, "train-00001", change(of_shard))
    rewritten(copy)
    problems = verify(copy).problems
    assert len(problems) == 2
    assert all(f"rows, not {len(of_shard)}" in problem for problem in problems)


def test_an_example_moved_to_the_other_split(copy):
    train, validation = rows(copy, "train-00001"), rows(copy, "validation-00001")
    write_both(copy, "train-00001", [*train[:-1], validation[0]])
    write_both(copy, "validation-00001", [train[-1], *validation[1:]])
    rewritten(copy)
    assert len(verify(copy).problems) == 4


def test_a_shard_from_another_seed(copy, make):
    other = make(Task("subtraction", digits=2, num_examples=120, seed=5), SHARDS, parquet=True)
    for name in ("seq2seq_arith-train.tfrecord-00001-of-00003", "parquet/train-00001-of-00003.parquet"):
        shutil.copy(other / name, copy / name)
    rewritten(copy)
    assert {problem.split(": ")[0] for problem in verify(copy).problems} == {
        str(copy / "seq2seq_arith-train.tfrecord-00001-of-00003"),
        str(copy / "parquet/train-00001-of-00003.parquet"),
    }


def test_all_shards_from_another_seed(right, make):
    """A set that is right in itself, under another's parameters."""
    directory = make(Task("subtraction", digits=2, num_examples=120, seed=5), SHARDS, parquet=True)
    rewritten(directory, lambda metadata: metadata["parameters"].update(seed=4))
    assert verify(directory).problems


@pytest.mark.parametrize(
    "change",
    [
        {"draws_used": 121, "duplicates": 1},
        {"draws_used": 10**15, "duplicates": 10**15 - 120},
        {"draws_used": -1, "duplicates": -121},
        {"draws_used": "150"},
        {"duplicates": 0},
        {"question_width": 8},
        {"alphabet": "0123456789"},
        {"splits": {"train": 109, "validation": 11}},
        {"splits": None},
        {"num_shards": 4},
        {"num_shards": 10**9},
        {"num_shards": None},
        {"files": {}},
        {"files": []},
        {"parameters": None},
        {"parameters": {}},
        {"parameters": TASK.parameters() | {"num_examples": 10**30}},
        {"parameters": TASK.parameters() | {"digits": None}},
        {"parameters": TASK.parameters() | {"task": []}},
        {"parameters": TASK.parameters() | {"ordered": True}},
    ],
    ids=lambda change: str(change)[:60],
)
def test_metadata_that_does_not_hold(copy, change):
    rewritten(copy, lambda metadata: metadata.update(change))
    problems = verify(copy).problems
    assert any(problem.startswith(f"{copy / 'metadata.json'}: ") for problem in problems)


def test_counts_that_tfds_would_go_by(copy):
    path = copy / "dataset_info.json"
    info = json.loads(path.read_text())
    info["splits"][0]["shardLengths"][0] = "999"
    path.write_text(json.dumps(info))
    rewritten(copy)
    (problem,) = verify(copy).problems
    assert problem.startswith(f"{path}: does not count ")


def test_counts_moved_from_one_file_to_another(copy):
    path = copy / "dataset_info.json"
    info = json.loads(path.read_text())
    first, second, *_ = lengths = info["splits"][0]["shardLengths"]
    lengths[:2] = [str(int(first) - 1), str(int(second) + 1)]
    path.write_text(json.dumps(info))
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


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda children: st.one_of(
        st.lists(children, max_size=4), st.dictionaries(st.text(max_size=12), children, max_size=4)
    ),
    max_leaves=12,
)
PLACES = st.one_of(
    st.sampled_from(["question_width", "answer_width", "alphabet", "num_shards", "draws_used", "duplicates"]).map(
        lambda field: [field]
    ),
    st.sampled_from(["parameters", "splits", "files"]).map(lambda field: [field]),
    st.sampled_from(list(TASK.parameters())).map(lambda field: ["parameters", field]),
)


@given(PLACES, JSON)
@settings(max_examples=150)
def test_any_metadata_at_all(right, tmp_path_factory, fields, value):
    """Whatever stands in it, with its own checksum right: a problem or none, but no other exception and no hang."""
    directory = tmp_path_factory.getbasetemp() / "fuzzed"
    if not directory.exists():
        shutil.copytree(right, directory)
    metadata = json.loads((right / "metadata.json").read_text())
    part = metadata[fields[0]] if len(fields) == 2 else metadata
    unchanged = part[fields[-1]] == value and type(part[fields[-1]]) is type(value)
    part[fields[-1]] = value
    metadata["sha256"] = metadata_digest(metadata)
    (directory / "metadata.json").write_text(json.dumps(metadata))
    assert bool(verify(directory).problems) != unchanged


@given(st.binary(max_size=200), st.sampled_from(FILES))
@settings(max_examples=100)
def test_any_bytes_at_all(right, tmp_path_factory, content, name):
    """Random bytes for a file, with the checksums right."""
    directory = tmp_path_factory.getbasetemp() / "random"
    shutil.copytree(right, directory, dirs_exist_ok=True)
    (directory / name).write_bytes(content)
    if name != "metadata.json":
        rewritten(directory)
    problems = verify(directory).problems
    if name != "features.json":  # what TFDS makes of that one is TFDS's
        assert problems


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


@pytest.mark.slow
def test_the_longest_strings(tmp_path):
    """pq of 100,000 dashes: 400 MB of strings of 200,001 characters."""
    task = Task("pq", digits=100_000, num_examples=1000)
    create(task, Layout.of(task), tmp_path, [])
    assert verify(dataset_path(tmp_path, task)).problems == []


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json", tfrecord_path("train", 1, SHARDS)])
def test_a_link_that_leads_nowhere(copy, name):
    (copy / name).unlink()
    (copy / name).symlink_to("nowhere")
    problems = verify(copy).problems
    assert any(problem.startswith(f"{copy / name}: cannot be read (") for problem in problems)
    assert all(problem.startswith(f"{copy}/") for problem in problems)


def test_metadata_that_goes_while_it_is_read(copy, monkeypatch):
    read_text, reads = Path.read_text, []

    def vanishing(self, *arguments, **options):
        reads.append(self)
        if len(reads) > 1:
            raise FileNotFoundError(2, "No such file or directory")
        return read_text(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", vanishing)
    assert verify(copy).problems == [f"{copy / 'metadata.json'}: cannot be read (No such file or directory)"]
