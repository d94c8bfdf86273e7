"""Tables of where a model errs."""

import types

import numpy as np
import pytest

from seq2seq_arith.arithmetic.numbers import from_ints
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_codes
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.evaluation import answering


@pytest.mark.parametrize(
    ("predicted", "right", "exact", "characters"),
    [
        (["469", "142", "1998", "77"], ["469", "141", "1998", "7"], 0.5, 14 / 16),
        (["12", "1", "12", "2"], ["12", "12", "13", "22"], 0.25, 13 / 16),
    ],
)
def test_scores_are_those_of_the_decoded_strings(predicted, right, exact, characters):
    answers, losses = to_codes(right, 4), np.array([0.5, 1.5, 0.0, 2.0], np.float32)
    learner = types.SimpleNamespace(answer=lambda *_: (to_codes(predicted, 4), losses))
    result = answering.evaluate(learner, Examples(answers, answers))
    assert (result.loss, result.exact_match, result.character_accuracy) == (1.0, exact, characters)


def rows(name, *groups):
    """Those of a table: its groups, with their examples and the share that is right."""
    return [{name: group, "examples": examples, "exact_match": exact} for group, examples, exact in groups]


def test_each_group_has_its_own_row():
    task = Task("subtraction")
    operands = np.array([[5, 10, 7, 123]], np.uint64), np.array([[9, 3, 7, 45]], np.uint64)
    examples = question_sets.examples(task, operands)
    tables = answering.breakdown(task, operands, examples.answers, np.array([True, False, True, True]))
    assert set(tables) == {"operand lengths", "answer length", "borrows", "longest chain of borrows", "sign"}
    assert tables["sign"] == rows("sign", ("negative", 1, 1.0), ("positive", 2, 0.5), ("zero", 1, 1.0))
    for name in ("borrows", "longest chain of borrows"):
        assert tables[name] == rows(name, (0, 2, 1.0), (1, 1, 0.0), (2, 1, 1.0))
    assert tables["answer length"] == rows("characters", (1, 2, 0.5), (2, 2, 1.0))  # of -4, 7, 0 and 78
    assert {"left": "3", "right": "2", "examples": 1, "exact_match": 1.0} in tables["operand lengths"]


def test_answers_of_dashes_are_put_into_ranges_by_their_length():
    task = Task("pq", size=10)
    operands = np.array([[1, 1, 9, 10]], np.uint64), np.array([[1, 3, 3, 10]], np.uint64)
    tables = answering.breakdown(
        task, operands, question_sets.examples(task, operands).answers, np.array([1, 0, 1, 1], bool)
    )
    ranges = (" 1- 4", 1, 1.0), (" 5- 8", 1, 0.0), ("13-16", 1, 1.0), ("17-21", 1, 1.0)
    assert tables["answer length"] == rows("characters", *ranges)  # 3, 5, 13 and 21 characters of at most 21


@pytest.mark.parametrize(
    ("size", "names"), [(9, list("123456789")), (10, [" 1- 2", " 3- 4", " 5- 6", " 7- 8", " 9-10"])]
)
def test_more_than_nine_lengths_are_put_into_five_ranges(size, names):
    task = Task("addition", size=size)
    left = from_ints([10**length - 1 for length in range(1, size + 1)])
    rows = answering.by_lengths(task, (left, np.full_like(left, 5)), np.ones(size, bool))
    assert [row["left"] for row in rows] == names
    assert {row["right"] for row in rows} == {names[0]}
    assert sum(row["examples"] for row in rows) == size
