"""The batches of a round: half of them are what was answered wrong, and questions like it."""

import numpy as np
import pytest

from seq2seq_arith.arithmetic import numbers, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.training.mending import Mixed

WRONG = ("1991-2000", "2100-1691")


@pytest.mark.parametrize("digits", [6, 40])
def test_half_of_a_batch_is_like_what_was_wrong_and_every_answer_is_right(digits):
    stream = Mixed(Task("subtraction", digits=digits), 0, 64, 1, 7, digits, wrong=WRONG, newest=1)
    block = stream.block(10, 3)
    task = stream.drawn_task
    for questions, answers in zip(block.questions, block.answers, strict=True):
        operands = text.operands(task, questions)
        np.testing.assert_array_equal(answers, text.answers(task, *operands))
        pairs = list(zip(*map(numbers.to_ints, operands), strict=True))
        like = [
            any(differs(left, a) <= 1 and differs(right, b) <= 1 for a, b in ((1991, 2000), (2100, 1691)))
            for left, right in pairs
        ]
        assert all(like[:32]) and not any(like[32:])
        assert 0 < sum(pair in ((1991, 2000), (2100, 1691)) for pair in pairs) < 32
    np.testing.assert_array_equal(stream.block(11, 1).questions[0], block.questions[1])
    np.testing.assert_array_equal(stream.block(10, 3, slice(16, 48)).questions, block.questions[:, 16:48])


def test_what_may_be_in_the_validation_set_is_not_trained_on():
    stream = Mixed(Task("subtraction"), 2**63, 64, 1, 7, 6, wrong=WRONG, newest=1)  # half of all pairs
    questions = stream.block(0, 8).questions.reshape(-1, stream.drawn_task.question_width)
    assert not stream._left_out(text.operands(stream.drawn_task, questions)).any()


def differs(left: int, right: int) -> int:
    """In how many places two numbers differ."""
    return sum(a != b for a, b in zip(f"{left:040}", f"{right:040}", strict=True))
