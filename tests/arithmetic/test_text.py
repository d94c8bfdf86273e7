"""Stored questions and answers, against Python's own formatting."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import NUMBER_TASKS, columns, operand_pairs, tasks

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import answers, operands, parse, questions
from seq2seq_arith.base.errors import InputError


def stored(task: Task, pairs: list[tuple[int, int]]) -> list[tuple[str, str]]:
    left, right = columns(task, pairs)
    rows = questions(task, left, right), answers(task, left, right)
    assert [row.dtype for row in rows] == [np.uint8] * 2
    assert [row.shape for row in rows] == [(len(pairs), task.question_width), (len(pairs), task.answer_width)]
    return list(zip(*([row.tobytes().decode("ascii") for row in matrix] for matrix in rows), strict=True))


@pytest.mark.parametrize(
    ("task", "left", "right", "question", "answer"),
    [
        # The first example of the training set, and the example in the notebook's comment.
        (Task(), 297, 172, "271+792", "469 "),
        (Task("subtraction"), 555, 3947, "555-3947   ", "-3392 "),
        (Task("multiplication", size=9), 10**9 - 1, 10**9 - 1, "9" * 9 + "*" + "9" * 9, "999999998000000001"),
        (Task("modular_addition"), 12, 95, "12+95", "10"),
        (Task("modular_addition", size=1001), 1000, 1000, "1000+1000", "999 "),
        (Task("pq", size=4, reverse=True), 3, 2, "   --p---", "q-----   "),
    ],
)
def test_by_example(task, left, right, question, answer):
    assert stored(task, [(left, right)]) == [(question, answer)]


@given(tasks(max_dashes=300), st.data())
def test_as_python_formats(task, data):
    pairs = data.draw(operand_pairs(task))
    assert stored(task, pairs) == [reference.text(task, *pair) for pair in pairs]


@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name in NUMBER_TASKS for size in (1, 2, 8, 9, 10, 17, 18, 19, 20, 27, 36, 37)],
)
def test_every_length_beside_every_other(name, size):
    """The smallest and the largest number of each length, on both sides; beyond that, lengths at the ends of words."""
    lengths = range(size) if size <= 20 else (0, 8, 9, 16, 17, 18, 19, 26, size - 2, size - 1)
    ends = [end for length in lengths for end in (10**length if length else 0, 10 ** (length + 1) - 1)]
    pairs = [(left, right) for left in ends for right in ends]
    for reverse in (False, True):
        task = Task(name, size=size, reverse=reverse)
        assert stored(task, pairs) == [reference.text(task, *pair) for pair in pairs]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 65_535, 65_536, 100_000])
def test_many_dashes(size):
    task = Task("pq", size=size, reverse=size % 2 == 0)
    counts = sorted({1, size // 2 + 1, size})
    pairs = [(left, right) for left in counts for right in counts]
    assert stored(task, pairs) == [reference.text(task, *pair) for pair in pairs]


@pytest.mark.parametrize(
    ("task", "question", "stored", "written"),
    [
        (Task("addition"), "297+172", "271+792", "297+172"),
        (Task("addition"), " 12 + 345 ", " 543+21", "12+345"),
        (Task("addition", reverse=False), "12+345", "12+345 ", "12+345"),
        (Task("subtraction"), "5-30", "5-30       ", "5-30"),
        (Task("pq", size=3), "---p--", "---p-- ", "---p--"),
        (Task("pq", size=3), "-{3}p-", "---p-  ", "---p-"),
        (Task("pq", size=20), "-{20}p-{20}", "-" * 20 + "p" + "-" * 20, "-" * 20 + "p" + "-" * 20),
        (Task("addition"), "9{3}+10{2}", "001+999", "999+100"),
    ],
)
def test_questions_of_people_are_stored_as_the_datasets_hold_them(task, question, stored, written):
    assert parse(question, task).stored == stored
    assert text.written(stored, task) == written
    assert text.stored(task, *text.typed_operands(f" {written} ", task)) == stored


NO_QUESTIONS = [
    *((Task("addition"), question) for question in ("39x3", "1234+3", "39+", "", "1+2+3", "0+07", "7{20}+1", "7{}+1")),
    *((Task("subtraction"), question) for question in ("-3-4", "4-3\t1")),
    *((Task("pq"), question) for question in ("--p" + "-" * 1001, "--q--", "-{1001}p1", "0p1", "3{2}p1")),
    *((Task("pq"), question) for question in (f"-{{{10**11}}}p-", "9" * 5000 + "p1", "-{100000}" * 3 + "p-")),
    (Task("modular_addition"), "97+1"),
]


def test_what_is_not_a_question_is_refused(input_error):
    for task, question in NO_QUESTIONS:
        with input_error(InputError):
            parse(question, task)


@given(tasks(max_dashes=300), st.data())
def test_operands_are_read_back(task, data):
    pairs = data.draw(operand_pairs(task))
    sides = columns(task, pairs)
    read = operands(task, questions(task, *sides))
    assert [side.tolist() for side in read] == [side.tolist() for side in sides]
    assert [side.dtype for side in read] == [np.uint64] * 2
