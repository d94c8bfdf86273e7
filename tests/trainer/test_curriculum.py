"""Curricula: the lengths of their stages, and what is refused."""

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.curriculum import Curriculum

STREAM = TrainConfig(stream=True)


@pytest.mark.parametrize(
    ("text", "longest", "lengths"),
    [("10:1.25", 20, (10, 13, 17, 20)), ("1:1.01", 4, (1, 2, 3, 4)), ("5:100", 7, (5, 7)), ("9:2", 4, (4,))],
)
def test_stages_grow_up_to_the_whole_length(text, longest, lengths):
    assert Curriculum.parse(text).lengths(longest) == lengths


@pytest.mark.parametrize("text", ["10", "x:2", "10:1:2", "10:1e3"])
def test_what_is_not_written_so_is_refused(text):
    with pytest.raises(InputError, match=r"give START:GROWTH, such as 10:1\.25"):
        override(STREAM, curriculum=text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stream": False}, "add --stream"),
        ({"patience": 3}, "patience is 3, .* give --patience 0"),
        ({"name": "causal", "positions": "learned"}, "those of model 'causal' fit one length; take another --model"),
    ],
)
def test_what_does_not_go_with_it_is_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        override(STREAM, curriculum="5:2", **changes)


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (Task("modular_addition"), "modular_addition has one length"),
        (Task("addition", digits=5), "begins with 5 digits, and addition-d5 has 5; give a START from 1 to 4"),
    ],
)
def test_a_task_without_shorter_strings_is_refused(task, sentence):
    with pytest.raises(InputError, match=sentence):
        override(STREAM, curriculum="5:2").lengths(task)


def test_without_one_all_strings_are_whole():
    assert STREAM.lengths(Task("addition", digits=5)) == (5,)
    assert override(STREAM, curriculum="2:2").lengths(Task("addition", digits=5)) == (2, 4, 5)
