"""Checks the questions and answers of one file against operands that were drawn again.

This module is a witness: it writes, parses and solves questions in its own way, with PyArrow and Python's integers. It
must not use the writer's text or ``Notation``: a mistake there would otherwise repeat here and stay unseen. The
exception are the answers of tasks that it does not know (``SOLVE``).

The usual case is fast: all strings of a block are written again and compared at once. Where they differ, the rows are
taken one by one, and the first that is wrong is named.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seq2seq_arith.arithmetic import text as writers
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import Problem
from seq2seq_arith.pipelines.checking.redraw import DASHES, LETTERS, WORD, Operands, notation

# From D and the operands to the answers. A task that is not listed here is solved by its own operation, as the writer
# solves it: its answers are not checked independently.
SOLVE: dict[str, Callable] = {
    "addition": lambda digits, left, right: left + right,
    "subtraction": lambda digits, left, right: left - right,
    "multiplication": lambda digits, left, right: left * right,
    "pq": lambda digits, left, right: left + right,
    "modular_addition": lambda modulus, left, right: (left + right) % modulus,
}
# The same of the further tasks, from operands and to answers as people write them.
ANSWER: dict[str, Callable[..., str]] = {
    **dict.fromkeys(("addition_of_three", "addition_of_five"), lambda *terms: str(sum(map(int, terms)))),
    "division": lambda left, right: "r".join(map(str, divmod(int(left), int(right)))),
    "comparison": lambda left, right: "<" if int(left) < int(right) else ">" if int(left) > int(right) else "=",
    "parity": lambda number: str(sum(digit in "13579" for digit in number) % 2),
    "copy": lambda word: word,
    "reverse": lambda word: word[::-1],
}
PAD = " "
NUMBER = "(?:0|[1-9][0-9]*)"


def written(task: Task, operands: Operands) -> tuple[pa.Array, pa.Array]:
    """The stored questions and answers, as string arrays."""
    sides = [side.tolist() for side in operands]
    # A sum of numbers of 18 digits fits into int64.
    if task.name not in SOLVE:
        questions = pa.array([_question(task, each) for each in zip(*sides, strict=True)], pa.string())
        return questions, pa.array(_own_answers(task, sides), pa.string())
    if notation(task) != DASHES and task.answer_width > WORD + 1:
        rows = [write(task, *pair) for pair in zip(*sides, strict=True)]
        questions, answers = (pa.array((row[side] for row in rows), pa.string()) for side in (0, 1))
        return questions, answers
    values = [side.astype(np.int64) for side in operands]
    ints = [pa.array(np.asarray(side), pa.int64()) for side in (*values, solve(task, *values))]
    texts = [pc.binary_repeat("-", each) if notation(task) == DASHES else pc.cast(each, pa.string()) for each in ints]
    questions = pc.binary_join_element_wise(texts[0], texts[1], task.operation.symbol)
    questions = pc.ascii_rpad(questions, task.question_width, PAD)
    answers = pc.binary_join_element_wise(task.operation.answer_prefix, texts[2], "")
    answers = pc.ascii_rpad(answers, task.answer_width, PAD)
    return pc.ascii_reverse(questions) if task.reverse else questions, answers


def write(task: Task, *operands: int) -> tuple[str, str]:
    """One question and its answer, as they are stored."""
    if task.name not in SOLVE:
        return _question(task, operands), _own_answers(task, [[each] for each in operands])[0]
    answer = f"{task.operation.answer_prefix}{_written(task, solve(task, *operands))}"
    return _question(task, operands), answer.ljust(task.answer_width, PAD)


def _question(task: Task, operands: Sequence[int]) -> str:
    """A question as it is stored."""
    texts = [_written(task, value) for value in operands]
    question = task.operation.symbol.join(texts).ljust(task.question_width, PAD)
    return question[::-1] if task.reverse else question


def _written(task: Task, value: int) -> str:
    """A number in base ten, as that many dashes, or as the letters that are its digits in base 27, from the least."""
    if notation(task) == DASHES:
        return "-" * value
    if notation(task) != LETTERS:
        return str(value)
    letters = ""
    while value:
        value, letter = divmod(value, 27)
        letters += chr(ord("a") + letter - 1)
    return letters


def _own_answers(task: Task, sides: Sequence[Sequence[int]]) -> list[str]:
    """The answers of a task that is not in ``SOLVE``, as they are stored; of one's own task by its operation."""
    if answer := ANSWER.get(task.name):
        texts = ([_written(task, value) for value in each] for each in zip(*sides, strict=True))
        return [answer(*each).ljust(task.answer_width, PAD) for each in texts]
    codes = writers.to_codes([_question(task, each) for each in zip(*sides, strict=True)], task.question_width)
    return writers.to_strings(writers.answers(task, *writers.operands(task, codes)))


def solve(task: Task, left, right):
    """The answers to Python integers, or to int64 arrays, of a task in ``SOLVE``."""
    return SOLVE[task.name](task.digits, left, right)


def same_characters(characters: np.ndarray, texts: pa.Array) -> bool:
    """Whether uint8 of shape (n, width) holds the characters of n strings, all of that width."""
    lengths = pc.binary_length(texts)
    if not pc.all(pc.equal(lengths, characters.shape[1])).as_py():
        return False
    *_, content = texts.buffers()
    written = np.frombuffer(content, np.uint8, characters.size) if characters.size else np.empty(0, np.uint8)
    return np.array_equal(characters, written.reshape(characters.shape))


def check_rows(task: Task, rows: Iterable[tuple[str, str]], operands: Operands) -> None:
    """Checks rows one by one against their operands; raises Problem if one is wrong, or there are too many or few."""
    wanted_rows = list(zip(*(side.tolist() for side in operands), strict=True))
    count = 0
    for (question, answer), wanted in zip(rows, itertools.chain(wanted_rows, itertools.repeat(None)), strict=False):
        if complaint := _complaint(task, question, answer, wanted):
            raise Problem(f"row {count}: {complaint}")
        count += 1
    if count != len(wanted_rows):
        raise Problem(f"has {count} rows, not {len(wanted_rows)}")


def _complaint(task: Task, question: str, answer: str, wanted: tuple[int, ...] | None) -> str:
    """The problem with a row; empty if there is none. ``wanted`` is None behind the last row."""
    for name, text, width in (("question", question, task.question_width), ("answer", answer, task.answer_width)):
        if len(text) != width:
            return f"the {name} is not {width} characters wide"
        if set(text) - set(task.alphabet):
            return f"the {name} is not of the alphabet {task.alphabet!r}"
    operands = _parse(task, question)
    if operands is None:
        return "the question asks nothing that can be answered"
    if write(task, *operands)[1] != answer:
        return "the answer is wrong"
    if wanted and operands != wanted:
        return "is not the example that the parameters give here"
    return ""


def _parse(task: Task, question: str) -> tuple[int, ...] | None:
    """The operands that a question asks about; None if it is not a question."""
    read = {DASHES: len, LETTERS: _number_of}.get(notation(task), int)
    operand = {DASHES: "-+", LETTERS: "[a-z]+"}.get(notation(task), NUMBER)
    grammar = re.escape(task.operation.symbol).join([f"({operand})"] * task.operation.arity) + f"{re.escape(PAD)}*"
    match = re.fullmatch(grammar, question[::-1] if task.reverse else question)
    return tuple(map(read, match.groups())) if match else None


def _number_of(letters: str) -> int:
    """The number whose digits in base 27 are these letters, from the least."""
    return sum((ord(letter) - ord("a") + 1) * 27**place for place, letter in enumerate(letters))
