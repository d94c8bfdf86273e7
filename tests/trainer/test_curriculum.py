"""Curricula: the lengths of their stages, and what is refused."""

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.curriculum import Curriculum
from seq2seq_arith.trainer.recipes import configured

STREAM = TrainConfig(stream=True)


@pytest.mark.parametrize(
    ("text", "longest", "lengths"),
    [("10:1.25", 20, (10, 13, 17, 20)), ("1:1.01", 3, (1, 2, 3)), ("5:100", 7, (5, 7)), ("20:1.1", 23, (20, 22, 23))],
)
def test_stages_grow_up_to_the_whole_length(text, longest, lengths):
    assert Curriculum.parse(text).lengths(longest) == lengths


def test_what_is_not_written_so_is_refused(input_error):
    for text in ("10", "x:2", "10:1:2", "10:1e3", "0:2"):
        with input_error(InputError):
            override(STREAM, curriculum=text)


def test_what_does_not_go_with_it_is_refused(input_error):
    for changes in ({"stream": False}, {"patience": 3}, {"name": "causal", "positional_encoding": "learned"}):
        with input_error(InputError):
            override(STREAM, curriculum="5:2", **changes)


def test_a_task_without_shorter_strings_is_refused(input_error):
    for task in (Task("modular_addition"), Task("addition", size=5)):
        with input_error(InputError):
            configured(STREAM, task, curriculum="5:2")
