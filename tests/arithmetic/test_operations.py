"""The further tasks: every answer by plain Python, every slice by its rule, and no division by zero."""

import itertools

import numpy as np
import pytest
import reference

from seq2seq_arith.arithmetic import coverage, draws, numbers, task_rules, text
from seq2seq_arith.arithmetic.notation import Solved
from seq2seq_arith.arithmetic.operations import FURTHER
from seq2seq_arith.arithmetic.suites import pairs
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError

# The rule of each slice, from the operands as people write them.
PROMISES = {
    "evens": lambda *terms: not set("".join(terms)) & {*"13579"},
    "odds": lambda *terms: set("".join(terms)) <= {*"13579"},
    "one-odd": lambda *terms: all(sum(digit in "13579" for digit in term) == 1 for term in terms),
    "repeated": lambda *terms: all(len(set(term)) == 1 for term in terms),
    "big": lambda *terms: set("".join(terms)) <= {*"789"},
    "one-letter": lambda word: len(set(word)) == 1,
    "period": lambda word: any(word[n:] == word[:-n] for n in (2, 3)) or len(word) < 3,
    "palindrome": lambda word: word == word[::-1],
}
DIVIDED = {
    "exact": lambda left, right: int(left) % int(right) == 0,
    "remainder-last": lambda left, right: (int(left) + 1) % int(right) == 0 or int(left) < 10,
}


def written(task, pairs):
    """Operands as people write them."""
    words = task.notation.words(task.size)
    sides = [numbers.from_ints(side, words) for side in zip(*pairs, strict=True)]
    columns = [task.notation.write(Solved(side), task.operand_width) for side in sides]
    return list(zip(*([row.tobytes().decode().strip() for row in column] for column in columns), strict=True))


@pytest.mark.parametrize("name", FURTHER)
@pytest.mark.parametrize("size", [1, 2, 7, 19])  # the last takes two words of a number
def test_answers_slices_and_what_is_checked_of_tasks_in_files(name, size):
    operation, solve = FURTHER[name], reference.solver(name)
    size = min(max(size, operation.min_size), operation.max_size)
    task = Task(name, size=size, num_examples=10)
    for draws_name in operation.draws:
        task_rules.check_size(name, operation, draws_name, size)
    sides = draws.operands(task, np.arange(200, dtype=np.uint64))
    slices = operation.slices("standard", size)
    assert len({slice.name for slice in slices}) == len(slices)
    operands = {slice.name: pairs(name, size, slice, count=7 if size < 10 else 2) for slice in slices}
    questions = {slice: written(task, of_slice) for slice, of_slice in operands.items()}
    for slice, of_slice in questions.items():
        assert of_slice
        promises = PROMISES if name not in ("comparison", "division") else DIVIDED  # others are those of addition
        assert all(promises.get(slice, lambda *terms: True)(*terms) for terms in of_slice), slice
        if slice.startswith("length"):
            lengths = [int(part) for part in slice.split("-")[1:]]
            assert all([*map(len, terms)] in (lengths, lengths * operation.arity) for terms in of_slice)
    for terms in itertools.chain(*questions.values(), written(task, zip(*map(numbers.to_ints, sides), strict=True))):
        question = text.parse(operation.symbol.join(terms), task)
        assert text.answer(question) == solve(size, *terms)


def test_no_division_by_zero(input_error):
    task = Task("division", size=1, num_examples=81)
    assert coverage.largest_practical(task) == 81
    drawn = draws.operands(task, np.arange(5000, dtype=np.uint64))
    assert {*zip(*(side[0].tolist() for side in drawn), strict=True)} == {*itertools.product(range(1, 10), repeat=2)}
    with input_error(InputError):
        text.parse("12/0", Task("division"))
