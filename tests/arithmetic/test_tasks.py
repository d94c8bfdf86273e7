"""Tasks: their parameters, their names, and their input errors."""

import json

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import columns, tasks

from seq2seq_arith.arithmetic.notation import DASHES, RESIDUES
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import answers
from seq2seq_arith.base.errors import InputError


@pytest.mark.parametrize(
    ("task", "size", "num_examples", "question_width", "answer_width", "reverse", "alphabet"),
    [
        (Task(), 3, 50_000, 7, 4, True, " +0123456789"),
        (Task("subtraction"), 5, 50_000, 11, 6, False, " +-0123456789"),
        (Task("multiplication"), 3, 50_000, 7, 6, False, " *0123456789"),
        (Task("pq"), 1000, 50_000, 2001, 2001, False, " -pq"),
        (Task("addition_of_three"), 2, 50_000, 8, 3, True, " +0123456789"),
        (Task("addition_of_five"), 2, 50_000, 14, 3, True, " +0123456789"),
        (Task("division"), 3, 50_000, 7, 5, False, " /0123456789r"),
        (Task("comparison"), 3, 50_000, 7, 1, False, " 0123456789:<=>"),
        (Task("parity"), 5, 50_000, 5, 1, False, " 0123456789"),
        (Task("copy"), 5, 50_000, 5, 5, False, " abcdefghijklmnopqrstuvwxyz"),
        (Task("reverse"), 5, 50_000, 5, 5, False, " abcdefghijklmnopqrstuvwxyz"),
    ],
)
def test_defaults(task, size, num_examples, question_width, answer_width, reverse, alphabet):
    assert (task.size, task.num_examples, task.seed) == (size, num_examples, 0)
    assert task.ordered == (task.name not in OPERATIONS)
    assert (task.question_width, task.answer_width, task.reverse) == (question_width, answer_width, reverse)
    assert task.alphabet == alphabet
    assert task.num_validation == 5_000
    assert task.num_train == 45_000


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Task(), "addition"),
        (Task(size=5, seed=1, reverse=False), "addition-d5-s1-plain"),
        # 3 is the default of addition, not of this task.
        (Task("subtraction", size=3), "subtraction-d3"),
        (Task("subtraction", reverse=True, draws="structured"), "subtraction-reversed-structured"),
        (
            Task(size=20, num_examples=100, seed=2, ordered=True, reverse=False, draws="value", num_validation=11),
            "addition-d20-n100-s2-ordered-plain-value-v11",
        ),
        # A default that is given is not written either.
        (Task(num_validation=5000, draws="digits"), "addition"),
        (Task("modular_addition"), "modular_addition"),
        # By default all pairs are examples, and half of them are in the validation set.
        (Task("modular_addition", size=113), "modular_addition-d113"),
        (Task("modular_addition", num_examples=1000, ordered=False), "modular_addition-n1000-unordered"),
    ],
)
def test_config_name(task, name):
    assert task.config_name == name


@given(tasks())
def test_the_name_can_be_read_back(task):
    assert Task.from_name(task.config_name) == task


WRONG_NAMES = [
    *("adition-d6", "", "addition-d6-x3", "addition-", "addition-d6-d7", "addition-ordered-unordered"),
    *("addition-d1001", "pq-value", "addition-d3", "addition-d06", "addition-n1000-d6", "addition-d٦"),
    f"addition-n{'9' * 30}",
]


def test_a_wrong_name_says_which_part(input_error):
    for name in WRONG_NAMES:
        with input_error(InputError):
            Task.from_name(name)


@given(tasks())
def test_parameters_survive_json(task):
    assert Task.from_parameters(json.loads(json.dumps(task.parameters()))) == task
    validation = task.num_examples // task.operation.validation_share
    defaults = {"draws": "digits", "num_validation": validation}
    newer = [name for name, default in defaults.items() if getattr(task, name) != default]
    assert list(task.parameters()) == ["task", "digits", "num_examples", "seed", "reverse", "ordered", *newer]


PARAMETERS = Task().parameters()


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        [],
        {name: value for name, value in PARAMETERS.items() if name != "seed"},
        PARAMETERS | {"colour": 1},
        # None would mean the default, so that two sets of parameters would be one task.
        PARAMETERS | {"digits": None},
        # A default of these parameters is never written.
        PARAMETERS | {"draws": "digits"},
        PARAMETERS | {"num_validation": 5000},
        PARAMETERS | {"name": "addition"},
        # The field of that name is ``digits`` here.
        PARAMETERS | {"size": 3},
        {"size" if name == "digits" else name: value for name, value in PARAMETERS.items()},
    ],
)
def test_from_parameters_refuses(parameters):
    with pytest.raises(InputError):
        Task.from_parameters(parameters)


WRONG_VALUES = [
    {"name": "additoin"},
    {"name": "zzzzzz"},
    {"size": 0},
    {"size": 1001},
    {"name": "pq", "size": 100_001},
    {"size": 3.0},
    {"size": True},
    {"num_examples": 9},
    {"num_examples": 1e6},
    {"seed": -1},
    {"seed": 2**64},
    {"reverse": 1},
    {"ordered": "yes"},
    {"name": "modular_addition", "size": 1},
    {"name": "modular_addition", "size": 10**6 + 1},
    {"draws": "words"},
    {"name": "multiplication", "draws": "structured"},
    {"name": "pq", "draws": "value"},
    {"num_validation": 0},
    {"num_validation": 50_000},
    {"num_validation": 2.5},
]


def test_refuses_with_the_value_and_the_limit(input_error):
    for values in WRONG_VALUES:
        with input_error(InputError):
            Task(**values)
    with input_error(InputError):
        Task("copy", ordered=False)


def test_parameters_of_a_stranger_are_refused(input_error):
    whole = Task().parameters()
    for parameters in ({"task": "addition"}, whole | {"draws": "digits"}, whole | {"colour": 1}):
        with input_error(InputError):
            Task.from_parameters(parameters)


def test_numpy_integers_become_plain():
    task = Task(size=np.int64(4), num_examples=np.uint32(100), seed=np.uint64(7))
    assert task == Task(size=4, num_examples=100, seed=7)
    assert json.dumps(task.parameters())


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_largest_answers_fit(name, data):
    """The answer's width holds every answer at the greatest D."""
    task = Task(name, size=OPERATIONS[name].max_size, num_examples=10)
    largest = {DASHES: task.size, RESIDUES: task.size - 1}.get(task.notation, 10**task.size - 1)
    pair = data.draw(st.tuples(*[st.sampled_from([task.notation.smallest, largest])] * 2))
    question, answer = reference.text(task, *pair)
    assert (len(question), len(answer)) == (task.question_width, task.answer_width)
    (written,) = answers(task, *columns(task, [pair]))
    assert written.tobytes().decode() == answer
