"""Strategies from which hypothesis draws the parameters of datasets, and what may be in a file."""

import dataclasses

import numpy as np
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import coverage, numbers
from seq2seq_arith.arithmetic.notation import DASHES, RESIDUES
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task

SEEDS = st.one_of(
    st.sampled_from([0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]), st.integers(min_value=0, max_value=2**64 - 1)
)
NUMBER_TASKS = ("addition", "subtraction", "multiplication")
WORD_DIGITS = 18
# What a file may hold in the place of any value, also numbers that JSON has and a double does not.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def tasks(
    draw: st.DrawFn,
    names: tuple[str, ...] = tuple(OPERATIONS),
    max_digits: int = 80,
    max_dashes: int = 100_000,
    **fixed,
) -> Task:
    """Any task at all, whether or not it has as many examples as it asks for; ``fixed`` sets some of its fields."""
    name = draw(st.sampled_from(names))
    operation = OPERATIONS[name]
    most = min(operation.max_size, {DASHES: max_dashes, RESIDUES: 10**6}.get(operation.notation, max_digits))
    # Half of the numbers fit into one word.
    size = st.one_of(st.integers(operation.min_size, min(WORD_DIGITS, most)), st.integers(operation.min_size, most))
    num_examples = fixed["num_examples"] if "num_examples" in fixed else draw(st.integers(10, 10**9))
    drawn = {
        "size": size,
        "seed": SEEDS,
        "reverse": st.booleans(),
        "ordered": st.booleans(),
        "draws": st.sampled_from(sorted(operation.draws)),
        "num_validation": st.one_of(st.none(), st.integers(1, num_examples - 1)),
    }
    values = {field: fixed[field] if field in fixed else draw(drawn[field]) for field in drawn}
    return Task(name, num_examples=num_examples, **values)


@st.composite
def small_tasks(draw: st.DrawFn, max_examples: int = 300) -> Task:
    """Tasks that can be drawn, of few and short examples; one in a few asks for nearly every key there is."""
    task = draw(tasks(max_dashes=60, num_examples=10).filter(lambda task: coverage.largest_practical(task) >= 10))
    most = min(max_examples, coverage.largest_practical(task))
    num_examples = draw(st.one_of(st.just(most), st.integers(10, most)))
    num_validation = draw(st.one_of(st.none(), st.integers(1, num_examples - 1)))
    return dataclasses.replace(task, num_examples=num_examples, num_validation=num_validation)


@st.composite
def operand_pairs(draw: st.DrawFn, task: Task, max_size: int = 40) -> list[tuple[int, int]]:
    """Pairs of operands of the task; lengths are about as likely as each other, and so are ends of ranges."""
    if task.notation in (DASHES, RESIDUES):
        operand = st.integers(task.notation.smallest, task.size - (task.notation is RESIDUES))
    else:
        edges = [10**length + more for length in range(task.size + 1) for more in (-1, 0) if length < task.size or more]
        operand = st.one_of(
            st.sampled_from(edges), st.integers(1, task.size).flatmap(lambda length: st.integers(0, 10**length - 1))
        )
    return draw(st.lists(st.tuples(operand, operand), min_size=1, max_size=max_size))


def columns(task: Task, pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of operands as two columns of numbers."""
    words = task.notation.words(task.size)
    left, right = (numbers.from_ints(side, words) for side in zip(*pairs, strict=True))
    return left, right
