"""Rows that are wrong although every checksum is right, and the strings of right ones."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from rewriting import rewritten, rows, write_both
from strategies import operand_pairs, tasks

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import Problem
from seq2seq_arith.pipelines.checking.rows import SOLVE, check_rows, same_characters, write, written
from seq2seq_arith.pipelines.checking.verify import verify


@given(st.data())
def test_strings_are_those_of_the_reference(data):
    task = data.draw(tasks(max_dashes=300))
    pairs = data.draw(operand_pairs(task))
    wanted = [reference.text(task, *pair) for pair in pairs]
    fits = task.digits <= 18 or task.name in ("pq", "modular_addition")
    operands = tuple(np.array(side, np.uint64 if fits else object) for side in zip(*pairs, strict=True))
    questions, answers = written(task, operands)
    assert list(zip(questions.to_pylist(), answers.to_pylist(), strict=True)) == wanted
    assert [write(task, *pair) for pair in pairs] == wanted
    check_rows(task, wanted, operands)
    for texts in (questions, answers):
        characters = np.array([list(text.encode()) for text in texts.to_pylist()], np.uint8)
        assert same_characters(characters, texts)
        characters[-1, -1] ^= 1
        assert not same_characters(characters, texts)
        assert not same_characters(characters[:, :-1], texts)


def test_a_task_that_the_witness_does_not_know(monkeypatch):
    """Its own operation gives the answers."""
    for task in (Task("subtraction", digits=2), Task("addition", digits=40, reverse=False), Task("pq", digits=9)):
        operands = tuple(np.array(side, np.uint64) for side in ([5, 9, 7], [7, 3, 7]))
        known = [column.to_pylist() for column in written(task, operands)]
        with monkeypatch.context() as patch:
            patch.delitem(SOLVE, task.name)
            assert [column.to_pylist() for column in written(task, operands)] == known


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("12-3  ", "9  "), "row 1: the question is not 5 characters wide"),
        (("12-3 ", "9 "), "row 1: the answer is not 3 characters wide"),
        (("12*3 ", "9  "), "row 1: the question is not of the alphabet ' +-0123456789'"),
        (("12-3 ", "9x "), "row 1: the answer is not of the alphabet ' +-0123456789'"),
        (("12--3", "15 "), "row 1: the question asks nothing that can be answered"),
        (("12-03", "9  "), "row 1: the question asks nothing that can be answered"),
        ((" 12-3", "9  "), "row 1: the question asks nothing that can be answered"),
        (("12-3 ", "09 "), "row 1: the answer is wrong"),
        (("12-3 ", "   "), "row 1: the answer is wrong"),
        (("12-4 ", "8  "), "row 1: is not the example that the parameters give here"),
        (("12-3 ", "9  "), "has 2 rows, not 3"),
    ],
    ids=str,
)
def test_what_is_said_of_a_row(row, complaint):
    task = Task("subtraction", digits=2)
    operands = (np.array([5, 12, 7], np.uint64), np.array([7, 3, 7], np.uint64))
    with pytest.raises(Problem) as problem:
        check_rows(task, [("5-7  ", "-2 "), row], operands)
    assert str(problem.value) == complaint


def test_two_rows_exchanged_with_their_checksums_made_right(copy):
    """Both formats agree, all checksums are right, and yet it is not what the parameters give."""
    of_shard = rows(copy, "train-00001")
    write_both(copy, "train-00001", [*of_shard[:4], of_shard[5], of_shard[4], *of_shard[6:]])
    rewritten(copy)
    problems = verify(copy).problems
    assert {problem.split(": ")[0] for problem in problems} == {
        str(copy / "seq2seq_arith-train.tfrecord-00001-of-00003"),
        str(copy / "parquet/train-00001-of-00003.parquet"),
    }
    assert all(": row 4: " in problem for problem in problems)
    assert verify(copy, quick=True).problems == []  # which reads no example
