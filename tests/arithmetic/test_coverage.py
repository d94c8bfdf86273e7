"""How many draws are enough: against exact probabilities of every single key, and against real draws."""

import dataclasses
import itertools
import math
import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import tasks

from seq2seq_arith.arithmetic import coverage, draws
from seq2seq_arith.arithmetic.notation import DASHES, RESIDUES
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError

# Few enough keys to list them all.
TINY = [
    Task("addition", size=1, num_examples=10),
    Task("subtraction", size=1, num_examples=10, ordered=True),
    Task("addition", size=2, num_examples=10),
    Task("subtraction", size=2, num_examples=10, ordered=True),
    Task("pq", size=7, num_examples=10),
    Task("pq", size=12, num_examples=10, ordered=True),
    Task("addition", size=2, num_examples=10, draws="value"),
    Task("modular_addition", size=9),
    Task("modular_addition", size=9, num_examples=10, ordered=False),
    Task("parity", size=3, num_examples=10),
    Task("addition_of_three", size=1, num_examples=10),
]


def keys_by_probability(task: Task) -> Counter[Fraction]:
    """The probability of every key, found by going through all outcomes of one draw."""
    value: Counter[int] = Counter()
    if task.notation in (DASHES, RESIDUES):
        value.update({task.notation.smallest + count: Fraction(1, task.size) for count in range(task.size)})
    elif task.draws == "value":
        value.update({number: Fraction(1, 10**task.size) for number in range(10**task.size)})
    else:
        for length in range(1, task.size + 1):
            for number in range(10**length):
                value[number] += Fraction(1, task.size * 10**length)
    assert sum(value.values()) == 1
    key: Counter[tuple[int, ...]] = Counter()
    for operands in itertools.product(value, repeat=task.operation.arity):
        probability = math.prod(value[operand] for operand in operands)
        key[operands if task.ordered else reference.key(task, *operands)] += probability
    return Counter(key.values())


def expected_distinct(task: Task, num_draws: int) -> float:
    return sum(count * (1 - float(1 - p) ** num_draws) for p, count in keys_by_probability(task).items())


@pytest.mark.parametrize("task", TINY, ids=lambda task: task.config_name)
@pytest.mark.parametrize("num_draws", [0, 1, 10, 5000])
def test_expectation_is_the_sum_over_all_keys(task, num_draws):
    classes = coverage.key_classes(task)
    expected = expected_distinct(task, num_draws)
    assert classes.distinct(num_draws) == pytest.approx(expected, rel=1e-9)
    assert classes.missing(num_draws) == pytest.approx(classes.total - expected, rel=1e-6, abs=1e-9)


@given(tasks(), st.integers(10, 10**6))
def test_number_of_draws_is_the_smallest_that_is_enough(task, num_examples):
    task = dataclasses.replace(task, num_examples=num_examples, num_validation=None)
    try:
        num_draws = coverage.num_draws(task)
    except InputError:
        assume(False)

    def enough(num_draws: int) -> bool:
        classes = dataclasses.replace(coverage.key_classes(task), unknown=coverage.UNKNOWN_DRAWS_OF_A_RUN)
        target = num_examples + 6 * num_examples**0.5
        return classes.distinct(num_draws) >= target or classes.missing(num_draws) <= 0.001

    assert enough(num_draws) or num_draws == coverage.draws_limit(num_examples)
    assert not enough(num_draws - 1)
    assert num_examples <= num_draws <= min(2**44, 1000 * num_examples)


@given(tasks(num_examples=10))
def test_input_error_names_the_largest_that_is_accepted(task):
    def input_error(num_examples: int) -> str | None:
        values = {field: getattr(task, field) for field in ("name", "size", "ordered", "draws")}
        try:
            coverage.num_draws(Task(num_examples=num_examples, **values))
        except InputError as error:
            return str(error)
        return None

    message = input_error(10**30)
    assert message is not None
    if "too few different questions" in message:
        assert input_error(10) == message
        return
    largest = int(re.search(r"(?:at most|has only) (\d+) (?:are practical|different questions)", message)[1])
    assert str(10**30) in message
    assert input_error(largest) is None
    assert input_error(largest + 1) is not None


def test_input_errors(input_error):
    for task in (
        Task("pq", size=3, num_examples=10),
        Task("addition", size=1, num_examples=56),
        Task("addition", size=3, num_examples=500_501),
        Task("modular_addition", size=3),
        Task("modular_addition", num_examples=9410),
        Task("addition", size=18, num_examples=2**45),
        Task("addition", size=1000, num_examples=10**400),
    ):
        with input_error(InputError):
            coverage.num_draws(task)


FITTED = [
    # A task, the parameters that somebody gave, and the number of examples.
    (Task("pq", size=20, ordered=True), {"size", "ordered"}, 400),
    (Task("pq"), {}, 50_000),
    (Task(size=1), {"size"}, 55),
    (Task("modular_addition", size=5), {"size"}, 25),
    (Task("pq", size=20, num_examples=50_000), {"size", "num_examples"}, 50_000),  # as given, to be refused
    (Task("pq", size=3), {"size"}, 50_000),  # fewer keys than the smallest dataset has examples
]


@pytest.mark.parametrize(("task", "explicit", "num_examples"), FITTED)
def test_a_number_that_nobody_gave_is_practical(task, explicit, num_examples):
    fitted = coverage.fitted(task, explicit)
    assert fitted.num_examples == num_examples
    assert fitted.num_validation == num_examples // task.operation.validation_share
    assert coverage.fitted(fitted, explicit) == fitted


def test_a_validation_split_that_was_given_stays(input_error):
    explicit = {"size": 20, "num_validation": 50}
    assert coverage.fitted(Task("pq", **explicit), explicit).config_name == "pq-d20-n210-v50"
    with input_error(InputError):
        coverage.fitted(Task("pq", size=20, num_validation=210), {"size", "num_validation"})


@pytest.mark.parametrize("size", [18, 40, 1000])
@pytest.mark.parametrize("drawing", ["digits", "value"])
def test_long_numbers_hardly_ever_repeat(size, drawing):
    """The probability that M draws of long numbers have a duplicate is that of two short numbers."""
    task = Task(size=size, num_examples=10, draws=drawing)
    classes = coverage.key_classes(task)
    assert (classes.count * classes.probability).sum() == pytest.approx(1, rel=1e-9)
    num_draws = 10**6
    repeated = num_draws - classes.distinct(num_draws)
    if drawing == "value":
        assert repeated == pytest.approx(float(Fraction(num_draws**2, 2 * classes.total)), rel=1e-6, abs=1e-3)
    else:
        assert 0 < repeated < num_draws / size


@pytest.mark.parametrize("name", ["addition", "subtraction"])
@pytest.mark.parametrize("size", [2, 5, 18, 30])
def test_a_first_guess_of_structured_draws(name, size):
    """The guess suffices, and is less than 1.5 times the draws that are needed."""
    task = Task(name, size=size, num_examples=min(20_000, 10**size * (10**size + 1) // 4), draws="structured")
    num_draws = coverage.num_draws(task)
    x, y = draws.key(task, *draws.operands(task, np.arange(num_draws, dtype=np.uint64)))
    first = np.sort(np.unique(np.concatenate([x, y]), axis=1, return_index=True)[1])
    assert task.num_examples <= len(first)
    assert num_draws < 1.5 * first[task.num_examples - 1]
