"""Columns of numbers in Parquet: their values, and that nothing else changes."""

import json
import random
from pathlib import Path

import numpy as np
import programs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import reference
import rewriting

from seq2seq_arith.arithmetic import draws, numbers, text
from seq2seq_arith.arithmetic.tasks import OPERATIONS, Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking import redraw
from seq2seq_arith.pipelines.checking.numbers import check_numbers
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats import number_columns
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.formats.parquet import ParquetWriter

COLUMNS = ("left", "right", "answer_value", "carries")
SIZE = ("--num-examples=300", "--num-shards=2")


def values(task: Task, pairs: list[tuple[int, int]], columns=None) -> dict[str, list[int]]:
    """The columns of these questions, by name."""
    words = task.notation.words(task.digits)
    sides = (numbers.from_ints(list(side), words) for side in zip(*pairs, strict=True))
    names = number_columns.available(task) if columns is None else columns
    found = number_columns.values(task, names, text.questions(task, *sides))
    return dict(zip(names, [column.tolist() for column in found], strict=True))


@pytest.mark.parametrize(
    ("task", "pairs", "expected"),
    [
        (
            Task(),
            [(999, 1), (0, 0), (555, 505), (45, 55)],
            {
                "left": [999, 0, 555, 45],
                "right": [1, 0, 505, 55],
                "answer_value": [1000, 0, 1060, 100],
                "carries": [3, 0, 2, 2],
                "longest_chain_of_carries": [3, 0, 1, 2],
            },
        ),
        (
            Task("subtraction"),
            [(1000, 1), (1, 1000), (7, 7)],
            {
                "left": [1000, 1, 7],
                "right": [1, 1000, 7],
                "answer_value": [999, -999, 0],
                "borrows": [3, 3, 0],
                "longest_chain_of_borrows": [3, 3, 0],
            },
        ),
        (Task("pq"), [(3, 2), (1000, 1)], {"left": [3, 1000], "right": [2, 1], "answer_value": [5, 1001]}),
        (Task("modular_addition"), [(96, 96)], {"left": [96], "right": [96], "answer_value": [95]}),
        (
            Task("multiplication", digits=9),
            [(999_999_999, 999_999_999)],
            {"left": [999_999_999], "right": [999_999_999], "answer_value": [999_999_998_000_000_001]},
        ),
        # Operands that do not fit into 64 bits can still be counted.
        (Task(digits=40), [(10**40 - 1, 1)], {"carries": [40], "longest_chain_of_carries": [40]}),
        (Task("multiplication", digits=10), [(7, 8)], {"left": [7], "right": [8]}),
        (Task(digits=18), [(10**18 - 1, 10**18 - 1)], {
            "left": [10**18 - 1], "right": [10**18 - 1], "answer_value": [2 * 10**18 - 2],
            "carries": [18], "longest_chain_of_carries": [18],
        }),
    ],
    ids=str,
)  # fmt: skip
def test_the_numbers(task, pairs, expected):
    assert values(task, pairs) == expected


@pytest.mark.parametrize(
    ("columns", "task"), [("longest_chain_of_carries,carries", "addition"), ("answer_value", "pq")]
)
def test_columns_have_one_order_and_are_in_the_metadata(columns, task, tmp_path):
    made = programs.run_here("generate", task, *SIZE, "--digits=40", f"--columns={columns}", f"--data-dir={tmp_path}")
    assert made.returncode == 0, made.stderr
    (path,) = tmp_path.glob("seq2seq_arith/*/1.0.0")
    assert verify(path).problems == []
    wanted = sorted(columns.split(","), key=number_columns.available(Task(task, digits=40)).index)
    assert json.loads((path / "metadata.json").read_text())["columns"] == wanted
    assert pq.read_schema(path / "parquet/train-00000-of-00002.parquet").names == ["question", "answer", *wanted]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Path]:
    """A dataset with columns and without, each in a data directory of its own."""
    folder = tmp_path_factory.mktemp("columns")
    for name, options in {"with": [f"--columns={','.join(COLUMNS)}"], "without": []}.items():
        done = programs.run_here("generate", "addition", *SIZE, *options, f"--data-dir={folder / name}")
        assert done.returncode == 0, done.stderr
    return {name: folder / name for name in ("with", "without")}


def dataset(data_dir: Path) -> Path:
    return data_dir / "seq2seq_arith/addition-n300/1.0.0"


def test_only_parquet_and_the_metadata_differ(made):
    both = [programs.files(dataset(made[name])) for name in ("with", "without")]
    differing = {name for name, content in both[0].items() if both[1][name] != content}
    assert all(name.startswith("parquet/") or name == "metadata.json" for name in differing)
    assert len(differing) == 5


@pytest.mark.parametrize("name", COLUMNS)
def test_verify_finds_a_wrong_number(made, tmp_path, name):
    path = tmp_path / "copy"
    for file, content in programs.files(dataset(made["with"])).items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(content)
    file = path / "parquet/validation-00001-of-00002.parquet"
    table = pq.read_table(file)
    column = table.column(name).to_pylist()
    column[2] += 1
    pq.write_table(table.set_column(table.schema.get_field_index(name), table.schema.field(name), [column]), file)
    rewriting.rewritten(path)
    (problem,) = verify(path).problems
    assert f"row 2: {name} is {column[2]}, not {column[2] - 1}" in problem


@pytest.mark.parametrize(
    "columns", [["left"], ["right", "left"], ["left", "right", "answer_value", "x"], "left", [], 3]
)
def test_verify_refuses_metadata_with_other_columns(made, tmp_path, columns):
    path = tmp_path / "copy"
    for file, content in programs.files(dataset(made["with"])).items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(content)
    rewriting.rewritten(path, lambda metadata: metadata.update(columns=columns))
    assert verify(path).problems


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("digits", [2, 9, 30])
def test_the_witness_agrees_on_every_column_of_every_task(name, digits):
    """Of the same draws, each computed from what its own side draws; one changed number is found."""
    task = Task(name, digits=digits, num_examples=10, ordered=True)
    draw_numbers = np.arange(400, dtype=np.uint64)
    columns = number_columns.available(task)
    assert columns or (name, digits) == ("multiplication", 30)
    stored = text.questions(task, *draws.operands(task, draw_numbers))
    table = pa.table(number_columns.values(task, columns, stored), names=list(columns))
    operands = redraw.operands(task, draw_numbers)
    check_numbers(task, columns, table, operands)
    for column in columns:
        changed = table.column(column).to_pylist()
        changed[399] += 1
        index = table.schema.get_field_index(column)
        with pytest.raises(Problem, match=f"row 399: {column} is {changed[399]}, not"):
            check_numbers(task, columns, table.set_column(index, column, [changed]), operands)


def test_the_numbers_are_those_of_the_reference():
    """Of random pairs, by the tests' own reference of each task."""
    random.seed(1)
    for name in ("addition", "subtraction", "multiplication"):
        task = Task(name, digits=6)
        pairs = [(random.randrange(10**6), random.randrange(10**6)) for _ in range(50)]
        answers = [int(reference.text(task, *pair)[1]) for pair in pairs]
        assert values(task, pairs, ("answer_value",)) == {"answer_value": answers}


@pytest.mark.parametrize(
    ("task", "formats", "columns", "message"),
    [
        (
            Task(),
            ("tfrecord", "parquet"),
            ["borrows"],
            "'borrows', and addition of at most 3 digits has no such",
        ),
        (Task(), ("tfrecord",), ["left"], "columns is left, and there is no Parquet to hold them"),
        (Task("pq"), ("tfrecord", "parquet"), ["carries"], "give some of left, right, answer_value$"),
        (Task("multiplication", digits=40), ("tfrecord", "parquet"), ["left"], "leave it out: no column fits"),
        (Task("subtraction"), ("tfrecord", "parquet"), ["sign"], "no such column of 64 bits"),
    ],
    ids=str,
)
def test_what_cannot_be_written_is_refused(task, formats, columns, message):
    with pytest.raises(InputError, match=message):
        Layout.of(task, formats=formats, columns=columns)


@pytest.mark.parametrize("task", [Task(num_examples=100_000, digits=7), Task("pq", num_examples=2000)], ids=str)
def test_the_size_is_foreseen(task, tmp_path):
    """Within a third of what the columns add to one file of all examples."""
    columns = number_columns.available(task)[:3]
    sizes = []
    left, right = draws.operands(task, np.arange(task.num_examples, dtype=np.uint64))
    for names in ((), columns):
        path = tmp_path / f"{len(names)}.parquet"
        with ParquetWriter(str(path), task, names) as writer:
            writer.write(text.questions(task, left, right), text.answers(task, left, right))
        sizes.append(path.stat().st_size)
    assert 2 / 3 < number_columns.estimated_bytes(task, columns) / (sizes[1] - sizes[0]) < 3 / 2, sizes
