"""The rules that write answers column by column: each question has one way, with its right answer; nothing else has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layout import TIMES_DIGIT

from seq2seq_arith.arithmetic import own_tasks, text
from seq2seq_arith.arithmetic.columns import BLANK, Transducer
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task

WITH_RULES = [name for name, operation in BUILT_IN.items() if operation.transducer]


def ways(rule: Transducer, left: str, right: str) -> list[str]:
    """The text that is written on each way through two rows of columns, the units last, that reaches an end."""
    reached = [("", start) for start in rule.starts]
    for column in zip(reversed(left), reversed(right), strict=True):
        reached = [(new + text, after) for text, state in reached for new, after in rule.step(state, *column)]
    return [text for text, state in reached if rule.is_end(state)]


def answer(left: int, right: int, task: Task) -> str:
    return text.answer(text.parse(f"{left}{task.operation.symbol}{right}", task, task.operation.max_size))


def test_addition_and_subtraction_have_rules():
    assert {"addition", "subtraction"} <= {*WITH_RULES}


@pytest.mark.parametrize("name", WITH_RULES)
@given(left=st.integers(0, 10**6), right=st.integers(0, 10**6), nearly=st.booleans(), blanks=st.integers(1, 3))
def test_each_question_has_one_way_with_its_right_answer(name, left, right, nearly, blanks):
    right = max(0, left + right % 3 - 1) if nearly else right
    steps = max(len(str(left)), len(str(right))) + blanks
    rows = (str(number).rjust(steps) for number in (left, right))
    assert ways(BUILT_IN[name].transducer, *rows) == [answer(left, right, Task(name)).rjust(steps)]


@given(left=st.integers(0, 10**6), digit=st.integers(0, 9), blanks=st.integers(1, 3))
def test_each_product_with_a_digit_has_one_way_with_its_right_answer(left, digit, blanks):
    own_tasks.use(TIMES_DIGIT)
    task, steps = Task("times_digit"), len(str(left)) + blanks
    rule, row = task.operation.transducer, str(left).rjust(steps)
    assert ways(rule, row, str(digit) * steps) == [answer(left, digit, task).rjust(steps)]
    for other in (str(digit) * (steps - 1) + str((digit + 1) % 10), str(digit).rjust(steps)):
        assert not ways(rule, row, other)


@pytest.mark.parametrize("name", WITH_RULES)
def test_a_rule_tells_a_question_from_its_neighbours(name):
    """All pairs of rows of three columns: a way where both are numbers with a blank in front, and only there."""
    characters = f"{BLANK}019"
    rows = [a + b + c for a in characters for b in characters for c in characters]
    numbers = {str(number).rjust(3) for number in range(100)}
    for left in rows:
        for right in rows:
            assert len(ways(BUILT_IN[name].transducer, left, right)) == (left in numbers and right in numbers)
