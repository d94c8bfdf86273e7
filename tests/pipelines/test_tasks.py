"""What a task is made of, how it is named, and what is refused."""

import dataclasses
import json
import re

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import tasks

from seq2seq_arith.pipelines import OPERATIONS, InputError, Task

# The contract's grammar of CONFIG.
CONFIG = re.compile(
    r"(?P<name>addition|subtraction|multiplication|pq)(-d(?P<digits>\d+))?(-n(?P<num_examples>\d+))?(-s(?P<seed>\d+))?"
    r"(?P<ordered>-ordered)?(?P<reverse>-reversed|-plain)?"
)


@pytest.mark.parametrize(
    ("task", "digits", "num_examples", "question_width", "answer_width", "reverse", "alphabet"),
    [
        (Task(), 3, 50_000, 7, 4, True, " +0123456789"),
        (Task("addition"), 3, 50_000, 7, 4, True, " +0123456789"),
        (Task("subtraction"), 5, 50_000, 11, 6, False, " +-0123456789"),
        (Task("multiplication"), 3, 50_000, 7, 6, False, " *0123456789"),
        (Task("pq"), 1000, 50_000, 2001, 2001, False, " -pq"),
    ],
)
def test_defaults(task, digits, num_examples, question_width, answer_width, reverse, alphabet):
    assert (task.digits, task.num_examples, task.seed, task.ordered) == (digits, num_examples, 0, False)
    assert (task.question_width, task.answer_width, task.reverse) == (question_width, answer_width, reverse)
    assert task.alphabet == alphabet
    assert task.num_validation == 5_000
    assert task.num_train == 45_000


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Task(), "addition"),
        (Task("subtraction"), "subtraction"),
        (Task("pq", digits=1000, num_examples=50_000, seed=0, reverse=False, ordered=False), "pq"),
        (Task(digits=5, seed=1, reverse=False), "addition-d5-s1-plain"),
        (
            Task("pq", digits=4, num_examples=10, seed=2**64 - 1, ordered=True, reverse=True),
            "pq-d4-n10-s18446744073709551615-ordered-reversed",
        ),
        # 3 is the default of another task.
        (Task("subtraction", digits=3), "subtraction-d3"),
        (Task("subtraction", reverse=True), "subtraction-reversed"),
    ],
)
def test_config_name(task, name):
    assert task.config_name == name


@given(tasks())
def test_config_name_tells_every_parameter(task):
    """The parameters can be read from the name, so no two tasks share one; a default is never spelt out."""
    match = CONFIG.fullmatch(task.config_name)
    assert match
    given_in_name = {field: value for field, value in match.groupdict().items() if value is not None}
    read = {
        field: int(value) if value.isdigit() else value in ("-ordered", "-reversed")
        for field, value in given_in_name.items()
        if field != "name"
    }
    assert Task(match["name"], **read) == task
    default = Task(match["name"])
    assert all(getattr(default, field) != value for field, value in read.items())


@given(tasks())
def test_parameters_survive_json(task):
    assert Task.from_parameters(json.loads(json.dumps(task.parameters()))) == task
    assert list(task.parameters()) == ["task", "digits", "num_examples", "seed", "reverse", "ordered"]


@given(tasks())
def test_widths_and_counts(task):
    assert (task.question_width, task.answer_width) == reference.widths(task)
    assert task.num_train + task.num_validation == task.num_examples
    assert task.num_validation == task.num_examples // 10 > 0


PARAMETERS = Task().parameters()


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        [],
        {},
        {name: value for name, value in PARAMETERS.items() if name != "seed"},
        PARAMETERS | {"colour": 1},
        PARAMETERS | {"task": "additoin"},
        PARAMETERS | {"task": []},
        PARAMETERS | {"digits": 3.0},
        PARAMETERS | {"seed": "0"},
        PARAMETERS | {"reverse": 1},
        # None would be the default, and two sets of parameters one task.
        PARAMETERS | {"digits": None},
        PARAMETERS | {"reverse": None},
    ],
)
def test_from_parameters_refuses(parameters):
    with pytest.raises(InputError):
        Task.from_parameters(parameters)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "additoin"}, ["'additoin'", "addition, subtraction, multiplication, pq", "did you mean 'addition'"]),
        ({"name": "substraction"}, ["did you mean 'subtraction'"]),
        ({"name": "qp"}, ["did you mean 'pq'"]),
        ({"name": "zzzzzz"}, ["'zzzzzz'", "addition, subtraction, multiplication, pq"]),
        ({"name": ""}, ["''"]),
        ({"digits": 0}, ["digits is 0", "from 1 to 18"]),
        ({"digits": -1}, ["digits is -1"]),
        ({"digits": 19}, ["digits is 19", "from 1 to 18"]),
        ({"name": "multiplication", "digits": 10}, ["digits is 10", "from 1 to 9"]),
        ({"name": "pq", "digits": 100_001}, ["digits is 100001", "from 1 to 100000"]),
        ({"digits": 3.0}, ["digits is 3.0", "whole number"]),
        ({"digits": True}, ["digits is True"]),
        ({"digits": "3"}, ["digits is '3'"]),
        ({"num_examples": 9}, ["num_examples is 9", "at least 10"]),
        ({"num_examples": -5}, ["num_examples is -5", "at least 10"]),
        ({"num_examples": 1e6}, ["num_examples is 1000000.0"]),
        ({"seed": -1}, ["seed is -1", "from 0 to 18446744073709551615"]),
        ({"seed": 2**64}, ["seed is 18446744073709551616"]),
        ({"seed": None}, ["seed is None"]),
        ({"reverse": 1}, ["reverse is 1", "True or False"]),
        ({"ordered": "yes"}, ["ordered is 'yes'", "True or False"]),
    ],
)
def test_refuses_with_the_value_and_the_limit(values, words):
    with pytest.raises(InputError) as caught:
        Task(**values)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_numpy_integers_become_plain():
    task = Task(digits=np.int64(4), num_examples=np.uint32(100), seed=np.uint64(7))
    assert task == Task(digits=4, num_examples=100, seed=7)
    assert json.dumps(task.parameters())


def test_is_frozen_and_hashable():
    assert len({Task(), Task("addition"), Task(seed=1)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Task().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_largest_answers_fit(name, data):
    """The answer's width holds every answer, and int64 every sum, at the greatest D."""
    task = Task(name, digits=OPERATIONS[name].max_digits)
    largest = 10**task.digits - 1 if name != "pq" else task.digits
    left, right = data.draw(st.tuples(*[st.sampled_from([0 if name != "pq" else 1, largest])] * 2))
    question, answer = reference.text(task, left, right)
    assert (len(question), len(answer)) == (task.question_width, task.answer_width)
    solved = task.operation.solve(np.array([left], np.int64), np.array([right], np.int64))
    solution = {"subtraction": left - right, "multiplication": left * right}.get(name, left + right)
    assert solved.tolist() == [solution]
