"""From operands, or a typed question, to the stored strings and back: fixed-width ASCII, one row per example."""

import dataclasses
import itertools
import re
from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.notation import DASHES
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.errors import shown as quoted
from seq2seq_arith.base.tables import shortened

COUNTS = {2: "two", 3: "three", 5: "five"}  # in words
# The short form of a repeated character, as the programs print it and as it may be typed: 7{20}, or -{300}.
RUN = re.compile(r"([^\s{}])\{([0-9]+)\}")
LONGEST_COUNT = 12  # digits
VISIBLE_PAD = "␣"  # the padding in tables of single characters
# The characters of web pages, phones and East Asian input methods, and those of ASCII that they stand for: full-width
# ones, the minus sign, the dash, and the signs of multiplication and division.
FULL_WIDTH = {0xFEE0 + code: code for code in range(ord("!"), ord("~") + 1)}
LIKE_ASCII = FULL_WIDTH | {0x2212: "-", 0x2013: "-", 0xD7: "*", 0xF7: "/", 0xA0: " ", 0x3000: " "}


def questions(task: Task, *operands: np.ndarray) -> np.ndarray:
    """Stored questions, reversed if the task says so: uint8 (n, question_width), of operands uint64 (words, n) each."""
    rows = task.notation.question(task.operation.symbol, task.size, operands, task.question_width)
    return rows[:, ::-1] if task.reverse else rows


def answers(task: Task, *operands: np.ndarray) -> np.ndarray:
    """Stored answers, padded to the width: uint8 of shape (n, answer_width)."""
    return task.operation.answers(task.size, *operands)


def operands(task: Task, stored: np.ndarray) -> tuple[np.ndarray, ...]:
    """The operands of stored questions, uint8 of shape (n, question_width): the inverse of ``questions``."""
    codes = stored[:, ::-1] if task.reverse else stored
    end, start = np.sum(codes != ord(PAD), axis=1), np.zeros(len(codes), np.int64)
    columns = []
    for _ in range(task.operation.arity - 1):
        is_operator = codes == ord(task.operation.symbol)
        if columns:
            is_operator &= np.arange(codes.shape[1]) >= start[:, np.newaxis]
        operator = np.argmax(is_operator, axis=1)
        columns.append(task.notation.read(codes, start, operator, task.size))
        start = operator + 1
    return (*columns, task.notation.read(codes, start, end, task.size))


def to_codes(strings: Sequence[str], width: int) -> np.ndarray:
    """Strings of at most ``width`` characters, padded on the right: uint8 of shape (strings, width)."""
    joined = "".join(string.ljust(width) for string in strings)
    return np.frombuffer(joined.encode("ascii"), np.uint8).reshape(len(strings), width)


def to_strings(codes: np.ndarray) -> list[str]:
    """The strings of characters, uint8 of shape (strings, width), padding included."""
    return [row.tobytes().decode("ascii") for row in np.ascontiguousarray(codes)]


def character_ids(task: Task) -> np.ndarray:
    """From a code point to the index of its character in the task's alphabet: uint8 (256,); others are padding.

    >>> character_ids(Task("pq"))[[ord(" "), ord("-"), ord("q")]].tolist()
    [0, 1, 3]
    """
    codes = np.frombuffer(task.alphabet.encode("ascii"), np.uint8)
    ids = np.full(256, task.alphabet.index(PAD), np.uint8)
    ids[codes] = np.arange(len(codes))
    return ids


@dataclasses.dataclass(frozen=True)
class Question:
    """A parsed question."""

    typed: str  # as a person typed it, with its short forms spelled out
    task: Task  # a task whose strings are long enough for it
    stored: str  # as the datasets contain it: padded, and reversed if the questions of the task are


def parse(question: str, task: Task, max_size: int | None = None) -> Question:
    """Parses a question as a person types it, also with the short forms of ``spelled``; blanks are ignored.

    A question that fits into the task's strings is stored as in training. A longer one is padded only to its own
    length, because a model reads the padding, too.

    >>> parse("12 + 345", Task("addition", size=4)).stored
    '   543+21'

    ``max_size`` is the maximum size of an operand that a model can read; None for that of the task. Raises InputError
    if the question is not one of the task.
    """
    question = spelled(question, task)
    operands = _operands(question, task)
    shown = repr(shortened(question.strip()))
    longest, limit = max(map(len, operands)), task.notation.width(max_size or task.size)
    if longest > limit:
        raise InputError(
            f"the question {shown} has an operand of {longest:,} {task.notation.characters}, and this model "
            f"reads at most {limit:,}; shorten it or train on a dataset with more --digits"
        )
    large_enough = dataclasses.replace(task, size=max(longest, task.size))
    if not all(task.notation.allows(large_enough.size, operand) for operand in operands):
        allowed = task.notation.describe(large_enough.size)
        raise InputError(f"the question {shown} has an operand that is not allowed; give {allowed}")
    return Question(question.strip(), large_enough, stored(large_enough, *operands))


def answer(question: Question) -> str:
    """The right answer, as a person writes it, without padding.

    >>> answer(parse("12+345", Task("addition")))
    '357'
    """
    codes = to_codes([question.stored], question.task.question_width)
    return to_strings(answers(question.task, *operands(question.task, codes)))[0].strip()


def example(task: Task) -> str:
    """An example of a question of the task, as a person writes it.

    >>> example(Task("pq")), example(Task("subtraction", size=1))
    ('---p--', '1-7')
    """
    operands = itertools.islice(itertools.cycle(task.notation.example), task.operation.arity)
    return task.operation.symbol.join(operand[: task.operand_width] for operand in operands)


def typed_operands(question: str, task: Task) -> tuple[str, ...]:
    """The operands of a question as a person types it, also with the short forms of ``spelled``."""
    return _operands(spelled(question, task), task)


def _operands(question: str, task: Task) -> tuple[str, ...]:
    """As ``typed_operands``, for a question without short forms."""
    operation = task.operation
    bare = question.strip().replace(" ", "")
    shown = repr(shortened(question.strip()))
    if foreign := bare.translate(dict.fromkeys(map(ord, task.alphabet))):
        raise InputError(
            f"the question {shown} contains {foreign[0]!r}, which is not in the alphabet {task.alphabet!r} of "
            f"{task.name}; write it like {example(task)}"
        )
    operands = task.notation.split(operation.symbol, bare, operation.arity)
    if not operands:
        form = f"{COUNTS.get(operation.arity, operation.arity)} operands with {operation.symbol!r} between them"
        raise InputError(
            f"the question {shown} is not one of {task.name}; write "
            f"{form if operation.arity > 1 else 'one operand alone'}, like {example(task)}"
        )
    if any(operand == "0" and not task.notation.is_operand(operand) for operand in operands):
        raise InputError(f"the question {shown} has the operand 0, which {task.name} does not have; give 1 or more")
    if not all(map(task.notation.is_operand, operands)):
        raise InputError(f"the question {shown} has an operand with a zero in front; leave it out, as the datasets do")
    return operands


def spelled(question: str, task: Task) -> str:
    """A question in ASCII, with its short forms spelled out: repeated characters as tables print them; for dashes, also
    numbers. A sign of equality at its end is left out.

    >>> spelled("7{3}+1", Task("addition")), spelled("１２−7 =", Task("subtraction"))
    ('777+1', '12-7 ')
    >>> spelled("3p-{2}", Task("pq"))
    '---p--'
    """
    if not isinstance(question, str):
        raise InputError(f"the question is {quoted(question)}; write it like {example(task)!r}")
    question = question.translate(LIKE_ASCII)
    if "=" not in task.alphabet:
        question = question.rstrip().removesuffix("=")
    symbol, short = task.operation.symbol, question
    if task.notation is DASHES:
        parts = re.sub(r"\s", "", question).split(symbol)
        if any(re.fullmatch("[0-9]+", part) for part in parts):
            short = symbol.join(f"-{{{part}}}" if re.fullmatch("[0-9]+", part) else part for part in parts)
    # A count is truncated before it becomes a number, as it may have a million digits.
    counts = [int(digits.lstrip("0")[:LONGEST_COUNT] or 0) for _, digits in RUN.findall(short)]
    limit = task.operation.arity * task.notation.width(task.operation.max_size)
    if sum(counts) > limit:
        raise InputError(
            f"the question {shortened(question.strip())!r} stands for {sum(counts):,} characters or more, and one of "
            f"{task.name} has at most {limit:,} {task.notation.characters}; give smaller counts"
        )
    remaining = iter(counts)
    return RUN.sub(lambda run: run[1] * next(remaining), short)


def stored(task: Task, *operands: str) -> str:
    """The question on these operands as the datasets contain it; ``written`` is the inverse.

    >>> stored(Task("addition"), "12", "34")
    '  43+21'
    """
    padded = task.operation.symbol.join(operands).ljust(task.question_width, PAD)
    return padded[::-1] if task.reverse else padded


def visible(characters: str) -> str:
    """Characters with their padding made visible.

    >>> visible("39+3   ")
    '39+3␣␣␣'
    """
    return characters.replace(PAD, VISIBLE_PAD)


def written(question: str, task: Task) -> str:
    """A stored question as a person writes it: without padding, from left to right.

    >>> written("  43+21", Task("addition"))
    '12+34'
    """
    return (question[::-1] if task.reverse else question).strip(PAD)
