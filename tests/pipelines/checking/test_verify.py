"""``verify`` against a dataset that is right, and against damaged files."""

import dataclasses
import json
import os
import resource
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stored
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import files, run
from rewriting import SHARDS, TASK, rewritten, rows, write_both
from strategies import small_tasks

from seq2seq_arith.arithmetic import draws, operations
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines import create
from seq2seq_arith.pipelines.checking import independent
from seq2seq_arith.pipelines.checking import verify as module
from seq2seq_arith.pipelines.checking.files import MAX_NAMED
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.array_record import OPTIONS
from seq2seq_arith.pipelines.formats.layout import ARRAY_RECORD, Layout, choose_formats, shard_file
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.parquet import SCHEMA
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import ObjectPath


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
    assert any(problem.startswith(f"{directory / name}: ") for problem in verify(directory).problems)


NOT_REGULAR = "cannot be read (Not a regular file"
# What is done to a file, beside another one of the same bytes, and how its problem begins.
HARMS = {
    "lost": (lambda path, same: path.unlink(), "is missing"),
    "cut": (lambda path, same: path.write_bytes(same.read_bytes()[: same.stat().st_size // 2]), ""),
    "empty": (lambda path, same: path.write_bytes(b""), ""),
    "longer": (lambda path, same: path.write_bytes(same.read_bytes() + b"\0"), ""),
    # On the disk it has no more bytes than before.
    "large": (lambda path, same: os.truncate(path, 2**40), "cannot be read (it has more than "),
    "folder": (lambda path, same: (path.unlink(), path.mkdir()), ""),
    "pipe": (lambda path, same: (path.unlink(), os.mkfifo(path)), NOT_REGULAR),
    "link": (lambda path, same: (path.unlink(), path.symlink_to(same)), f"{NOT_REGULAR}, but a link)"),
}
HARMED = [
    *(("lost", FILES[1]), ("cut", FILES[3]), ("empty", FILES[5]), ("longer", FILES[2])),
    *(("folder", FILES[2]), ("pipe", FILES[5])),
    *(("large", name) for name in FILES if "validation" not in name),
    *(("link", FILES[number]) for number in (0, 2, 3, 5)),
]


@pytest.mark.parametrize(("harm", "name"), HARMED)
def test_a_file_that_is_harmed_is_named_without_waiting_or_reading_on(right, copy, harm, name):
    change, complaint = HARMS[harm]
    change(copy / name, right / name)
    problems = verify(copy).problems
    assert any(problem.startswith(f"{copy / name}: {complaint}") for problem in problems)
    assert harm != "link" or len(problems) == 1


def test_what_is_not_there_is_not_drawn_again(copy, monkeypatch):
    """A stranger's few bytes that claim to be a very large dataset would take very much memory."""
    monkeypatch.setattr(module, "example_draws", None)
    for path in sorted(copy.glob("*.tfrecord-*"))[1:]:
        path.write_bytes(b"")
    assert len(verify(copy).problems) >= 2 * SHARDS - 1


@pytest.mark.parametrize(
    "name", ["more.txt", "parquet/train-00003-of-00003.parquet", ".report.json", ".temp-1", "new/file"]
)
def test_a_surplus_file_is_named(copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("more")
    assert verify(copy).problems == [f"{copy / name}: does not belong to the dataset"]


def test_very_many_surplus_files_are_counted(copy):
    for number in range(MAX_NAMED + 2):
        (copy / f"more-{number}").touch()
    problems = verify(copy).problems
    assert (len(problems), problems[-1]) == (MAX_NAMED + 1, f"{copy}: 2 more files do not belong to the dataset")


@pytest.mark.parametrize("change", [lambda of_shard: of_shard[:-1], lambda of_shard: [*of_shard, of_shard[-1]]])
def test_a_row_lost_or_gained_with_its_checksums_made_right(copy, change):
    of_shard = rows(copy, "train-00001")
    write_both(copy, "train-00001", change(of_shard))
    rewritten(copy)
    problems = verify(copy).problems
    assert len(problems) == 2
    complaints = f"rows, not {len(of_shard)}", "cannot be read (it has more than "  # a longer TFRecord is not parsed
    assert all(any(words in problem for words in complaints) for problem in problems)


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("written", "1+1", "row 4: another question is written than stored"),
        ("answer", "7".ljust(TASK.answer_width), "row 4: the answer is wrong"),
        ("written", None, "its columns are "),
    ],
)
def test_the_column_of_written_questions(tmp_path, column, value, complaint):
    """A row that is altered, with its checksums made right; and a file without the column."""
    task = dataclasses.replace(TASK, reverse=True)
    stored.make(task, Layout(1, choose_formats({"parquet": False, "parquet_written": True})), tmp_path)
    directory = dataset_path(tmp_path, task)
    assert verify(directory).problems == []
    path = directory / "parquet_written/train-00000-of-00001.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    if value is None:
        table = table.drop_columns([column])
    else:
        changed = pa.array([*values[:4], value, *values[5:]])
        at = table.column_names.index(column)
        table = table.set_column(at, table.schema.field(column), changed)
    pq.write_table(table, path, use_dictionary=False)
    rewritten(directory)
    (problem,) = verify(directory).problems
    assert problem.startswith(f"{path}: {complaint}")


def test_two_array_records_in_another_order(tmp_path):
    stored.make(TASK, Layout(1, choose_formats({"array_record": True})), tmp_path)
    directory = dataset_path(tmp_path, TASK)
    path = directory / shard_file(ARRAY_RECORD, "train", 0, 1)
    records = ArrayRecordReader(str(path)).read_all()
    writer = ArrayRecordWriter(str(path), OPTIONS)
    for record in [*records[:-2], *reversed(records[-2:])]:
        writer.write(record)
    writer.close()
    rewritten(directory)
    assert [problem.split(": ")[0] for problem in verify(directory).problems] == [str(path)]


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


@pytest.mark.parametrize(
    ("rows", "characters", "complaint"),
    [
        (10**6, 1, "has 1,000,000 rows, not 30"),
        (30, 10**6, "its columns contain other strings than such a dataset has"),
    ],
)
@pytest.mark.parametrize("dictionary", [False, True])
def test_a_small_table_of_many_or_long_strings_is_not_read(copy, rows, characters, complaint, dictionary):
    path = copy / FILES[5]
    columns = [pa.array(["7" * characters]).take(pa.array([0] * rows))] * 2
    pq.write_table(pa.table(columns, schema=SCHEMA), path, compression="zstd", use_dictionary=dictionary)
    assert path.stat().st_size < 2**16
    rewritten(copy)
    assert verify(copy).problems == [f"{path}: {complaint}"]


def test_another_sha256_ends_it(copy):
    """Whatever is in the file is not parsed then."""
    (copy / FILES[3]).write_bytes(bytes((copy / FILES[3]).stat().st_size))
    assert verify(copy).problems == [f"{copy / FILES[3]}: does not have the sha256 that metadata.json states"]


@pytest.mark.slow
def test_threads_that_are_refused_are_a_sentence_and_no_hang(tmp_path):
    """A thread's stack takes a gigabyte of addresses here, so that 50 of them are there."""
    stored.make(TASK, Layout(1, choose_formats({"array_record": True})), tmp_path)

    def limited():
        resource.setrlimit(resource.RLIMIT_STACK, (2**30, 2**30))
        resource.setrlimit(resource.RLIMIT_AS, (50 * 2**30, 50 * 2**30))

    process = run("verify", dataset_path(tmp_path, TASK), preexec_fn=limited)
    assert process.returncode == 1
    assert process.stderr.startswith("arith-data: this process cannot start the 72 threads that reading ArrayRecord")


@pytest.fixture
def in_store(data_dir) -> ObjectPath:
    stored.make(stored.TASK, stored.LAYOUTS["three"], data_dir)
    return dataset_path(data_dir, stored.TASK)


SHARD, TABLE = stored.LAYOUTS["three"].paths("train", 1)


@pytest.mark.parametrize("name", ["metadata.json", "dataset_info.json", SHARD, TABLE])
def test_changes_in_a_store(in_store, name):
    content = bytearray(paths.read_bytes(in_store / name))
    content[len(content) // 2] ^= 1
    (in_store / name).put(bytes(content))
    assert any(problem.startswith(f"{in_store / name}: ") for problem in verify(in_store).problems)
    if name != "metadata.json":
        (in_store / name).unlink()
        (in_store / "more.txt").put(b"more")
        problems = verify(in_store).problems
        assert f"{in_store / name}: is missing" in problems
        assert f"{in_store / 'more.txt'}: does not belong to the dataset" in problems


class TestQuick:
    """``quick`` reads no example."""

    @pytest.mark.parametrize("harm", ["lost", "cut", "empty", "longer"])
    def test_a_harmed_file_is_named(self, right, copy, harm):
        HARMS[harm][0](copy / FILES[3], right / FILES[3])
        problems = verify(copy, quick=True).problems
        assert problems
        assert all(problem.startswith(f"{copy / FILES[3]}: ") for problem in problems)

    def test_a_size_that_is_not_that_of_the_counted_records(self, copy):
        path = copy / FILES[3]
        path.write_bytes(path.read_bytes()[: -len(path.read_bytes()) // 2])
        rewritten(copy)
        (problem,) = verify(copy, quick=True).problems
        assert problem.startswith(f"{path}: has {path.stat().st_size:,} bytes, not the ")


def test_other_bytes_of_another_version_of_a_library_are_right(tmp_path):
    """And rows that differ are found in them."""
    stored.make(TASK, Layout(1, choose_formats({"array_record": True})), tmp_path)
    directory = dataset_path(tmp_path, TASK)
    table, records = (
        directory / "parquet/train-00000-of-00001.parquet",
        directory / shard_file(ARRAY_RECORD, "train", 0, 1),
    )
    before = table.read_bytes(), records.read_bytes()
    right, examples = pq.read_table(table), ArrayRecordReader(str(records)).read_all()

    def rewrite(count):
        pq.write_table(right[:count], table, compression="snappy", use_dictionary=False)
        writer = ArrayRecordWriter(str(records), "group_size:1")
        for example in examples[:count]:
            writer.write(example)
        writer.close()
        rewritten(directory)

    rewrite(TASK.num_train)
    assert table.read_bytes() != before[0]
    assert records.read_bytes() != before[1]
    assert verify(directory).problems == []
    rewrite(TASK.num_train - 1)
    complaint = f"has {TASK.num_train - 1} rows, not {TASK.num_train}"
    assert sorted(verify(directory).problems) == sorted(f"{path}: {complaint}" for path in (table, records))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("12*3 ", "9  "), "the question is not of the alphabet ' +-0123456789'"),
        (("12-3 ", "9x "), "the answer is not of the alphabet ' +-0123456789'"),
        (("12-3 ", "09 "), "the answer is wrong"),
        (("12-4 ", "8  "), "is not the example that the parameters give here"),
        (("12--3", "9  "), "is not the example that the parameters give here"),
    ],
)
def test_what_is_said_of_a_row(row, complaint):
    assert module.complaint(Task("subtraction", size=2), row, ("12-3 ", "9  ")) == complaint


class TestIndependent:
    """What making the dataset again repeats is seen by plain Python, and what it does not know is said."""

    def altered(self, monkeypatch, name, **fields):
        """Alters an operation of this package, or adds one."""
        altered = dataclasses.replace(operations.BUILT_IN.get(name, operations.BUILT_IN["subtraction"]), **fields)
        monkeypatch.setattr(operations, "BUILT_IN", operations.BUILT_IN | {name: altered})

    def check(self, task, tmp_path):
        with tempfile.TemporaryDirectory(dir=tmp_path) as name:
            data_dir = Path(name)
            create.create(Request(task, Layout(3), data_dir))
            return verify(dataset_path(data_dir, task))

    def test_a_wrong_answer(self, monkeypatch, tmp_path):
        solve = operations.BUILT_IN["subtraction"].solve
        self.altered(monkeypatch, "subtraction", solve=lambda size, left, right: solve(size, right, left))
        problems = self.check(TASK, tmp_path).problems
        assert len(problems) == 2 * SHARDS
        assert all(problem.endswith(": the answer is wrong") for problem in problems)

    @pytest.mark.parametrize("name", ["key_hash", "operands"])
    def test_wrong_hashes_and_draws(self, monkeypatch, tmp_path, name):
        """Of another seed."""
        right = getattr(draws, name)
        other = lambda task, *rest: right(dataclasses.replace(task, seed=task.seed + 1), *rest)  # noqa: E731
        monkeypatch.setattr(draws, name, other)
        problems = " ".join(self.check(TASK, tmp_path).problems)
        expected = {"key_hash": "its rows are not in the order of their hashes", "operands": "is not the example that"}
        assert expected[name] in problems
        assert "an example of validation should be one of train" in problems

    def test_a_task_without_a_line(self, monkeypatch, tmp_path):
        """It is verified, without a word that its answers were checked."""
        solve = operations.BUILT_IN["subtraction"].solve
        self.altered(monkeypatch, "difference", solve=solve)
        task = dataclasses.replace(TASK, name="difference")
        checked = self.check(task, tmp_path)
        assert checked.problems == []
        assert checked.summary == (
            "15 files and 120 examples are as they should be; all of them were written again in plain Python, but "
            "without an independent check of the answers, which the task's own code computes"
        )
        monkeypatch.setattr(independent, "SOLVERS", {"difference": independent.SOLVERS["subtraction"]})
        checked = self.check(task, tmp_path)
        assert checked.summary.endswith("all of them were drawn and solved again in plain Python")
        monkeypatch.setattr(independent, "SOLVERS", {"difference": lambda size, left, right: "0"})
        assert any(problem.endswith("the answer is wrong") for problem in self.check(task, tmp_path).problems)

    def test_some_of_many_rows(self, monkeypatch, tmp_path):
        monkeypatch.setattr(module, "SAMPLED", 30)
        assert "; 32 of them were drawn and solved again in plain Python" in self.check(TASK, tmp_path).summary
