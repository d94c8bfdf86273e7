"""Notations: how operands are written, read and measured.

A task has one notation, an object of ``NOTATIONS``: ``DECIMAL``, ``POSITIVE``, ``DASHES``, ``RESIDUES`` or ``LETTERS``.
D is the size of a task: the maximum number of digits (or dashes, or letters) of an operand, or the modulus. Numbers are
columns of words as in ``seq2seq_arith.arithmetic.numbers``: uint64 of shape (words, n). A word of letters is such a
number, too, as ``letters`` packs it.

>>> DECIMAL.split("+", "12+7"), DASHES.split("p", "---p--")
(('12', '7'), ('---', '--'))
>>> DASHES.split("p", "--p") is None
True
>>> LETTERS.split("", "abc", arity=1)
('abc',)

``pipelines.checking.independent`` deliberately repeats these rules, in plain Python.
"""

import abc
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq_arith.arithmetic import decimal_text, letters, numbers
from seq2seq_arith.arithmetic.decimal_text import PAD


class Solved(NamedTuple):
    """The answers to some questions."""

    magnitude: np.ndarray  # the absolute value, uint64 of shape (words, n); the last word may have 19 digits
    negative: np.ndarray | None = None  # bool of shape (n,); None if no answer is negative


class Notation(abc.ABC):
    """How operands are written, read and measured."""

    name: str
    unit: str  # the unit of the size of a task
    size_word: str  # the name of the size of a task as an option of the programs
    larger: str  # a larger size, in words
    characters: str  # the word for the characters of an operand
    # Regular expressions, without groups, in the syntax of Python, RE2 and Arrow: of an operand in the datasets, and of
    # an operand as a person may type it before it is checked against the first one.
    operand: str
    typed: str
    example: tuple[str, str]  # two operands, for messages
    equals = " = "  # the text between a question and its answer, for people
    smallest = 1  # the smallest operand
    has_digits = False  # whether operands have digits that an input format can align
    has_lengths = True  # whether another size gives the same task with longer or shorter operands
    parquet_share: float  # approximate bytes per character after compression by zstd

    def width(self, size: int) -> int:
        """The maximum number of characters of an operand."""
        return size

    def words(self, size: int) -> int:
        """The number of words of each operand."""
        return 1

    def describe(self, size: int) -> str:
        """The allowed operands, in words."""
        return f"at most {size} {self.unit}"

    def allows(self, size: int, operand: str) -> bool:
        """Whether an operand is allowed for a task of this size."""
        return len(operand) <= size

    def values(self, size: int, count: int) -> np.ndarray:
        """All ``count`` operands of a small task: uint64 of shape (count,), as words of numbers."""
        return self.smallest + np.arange(count, dtype=np.uint64)

    @abc.abstractmethod
    def measure(self, operands: np.ndarray) -> np.ndarray:
        """The number of characters of each operand: int64 of shape (n,)."""

    def question(self, symbol: str, size: int, operands: Sequence[np.ndarray], width: int) -> np.ndarray:
        """Questions: the operands with the symbol between them, padded on the right: uint8 of shape (n, width)."""
        count, widest = operands[0].shape[1], self.width(size)
        rows, start = np.full((count, width + widest), ord(PAD), np.uint8), np.zeros(count, np.int64)
        for side, operand in enumerate(operands):
            if side:
                rows[np.arange(count), start] = ord(symbol)
                start += 1
            # The next operand overwrites the padding.
            columns = start[:, np.newaxis] + np.arange(widest)
            np.put_along_axis(rows, columns, self.write(Solved(operand), widest), axis=1)
            start += self.measure(operand)
        return rows[:, :width]

    def answer(self, prefix: str, solved: Solved, width: int) -> np.ndarray:
        """Answers with their common prefix, padded on the right: uint8 of shape (n, width)."""
        rows = self.write(solved, width, len(prefix))
        rows[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
        return rows

    @abc.abstractmethod
    def write(self, solved: Solved, width: int, start: int = 0) -> np.ndarray:
        """Numbers or words from column ``start`` on, padded on the right: uint8 of shape (n, width).

        The columns before may contain anything; the caller overwrites them.
        """

    @abc.abstractmethod
    def read(self, codes: np.ndarray, start: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
        """The operands in columns ``start`` to ``end - 1`` of each row of codes: int64 (n,), of uint8 (n, width)."""

    def split(self, symbol: str, text: str, arity: int = 2) -> tuple[str, ...] | None:
        """The operands of a question as a person types it; None if it is not a question."""
        match = re.fullmatch(re.escape(symbol).join([f"({self.typed})"] * arity), text)
        return match.groups() if match else None

    def is_operand(self, text: str) -> bool:
        """Whether an operand is written as in the datasets."""
        return re.fullmatch(self.operand, text) is not None

    def __repr__(self) -> str:
        return self.name


class _Decimal(Notation):
    """Numbers in base ten, without leading zeros."""

    name = "decimal"
    unit = size_word = characters = "digits"
    larger = "more digits"
    operand = "(?:0|[1-9][0-9]*)"
    typed = "[0-9]+"
    example = ("12", "7")
    smallest = 0
    has_digits = True
    parquet_share = 0.5

    def words(self, size: int) -> int:
        return numbers.num_words(self.width(size))

    def measure(self, operands: np.ndarray) -> np.ndarray:
        return decimal_text.lengths(operands, numbers.WORD_DIGITS * len(operands)).view(np.int64)

    def question(self, symbol: str, size: int, operands: Sequence[np.ndarray], width: int) -> np.ndarray:
        if len(operands) != 2:
            return super().question(symbol, size, operands, width)
        left, right = operands
        return decimal_text.question(symbol, self.width(size), left, right, width)

    def write(self, solved: Solved, width: int, start: int = 0) -> np.ndarray:
        return decimal_text.signed(solved.magnitude, solved.negative, width, start)

    def read(self, codes: np.ndarray, start: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
        return decimal_text.read(codes, start, end, self.width(size))


class _Positive(_Decimal):
    """Positive numbers in base ten."""

    name = "positive"
    operand = "[1-9][0-9]*"
    smallest = 1

    def describe(self, size: int) -> str:
        return f"1 or more, at most {size} {self.unit}"


class _Residues(_Decimal):
    """Residues of a modulus, 0 to D - 1, as decimal numbers."""

    name = unit = "residues"
    size_word = "modulus"
    larger = "a larger modulus"
    example = ("1", "0")
    has_lengths = False

    def width(self, size: int) -> int:
        return len(str(size - 1))

    def describe(self, size: int) -> str:
        return f"0 to {size - 1}"

    def allows(self, size: int, operand: str) -> bool:
        return len(operand) <= self.width(size) and int(operand) < size


class _Dashes(Notation):
    """Counts of 1 or more, written as that many dashes (unary numbers)."""

    name = unit = size_word = characters = "dashes"
    larger = "more dashes"
    operand = typed = "-+"
    example = ("---", "--")
    equals = ""
    parquet_share = 0.006

    def measure(self, operands: np.ndarray) -> np.ndarray:
        return operands[0].astype(np.int64)

    def question(self, symbol: str, size: int, operands: Sequence[np.ndarray], width: int) -> np.ndarray:
        left, right = operands  # as task_rules.py requires
        rows = _dashes(left[0] + right[0] + np.uint64(1), width)
        rows[np.arange(len(rows)), left[0].astype(np.int64)] = ord(symbol)
        return rows

    def write(self, solved: Solved, width: int, start: int = 0) -> np.ndarray:
        return _dashes(solved.magnitude[0] + np.uint64(start), width)

    def read(self, codes: np.ndarray, start: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
        return (end - start).astype(np.uint64)[np.newaxis]


class _Letters(Notation):
    """Words of one letter or more, a to z."""

    name = unit = size_word = characters = "letters"
    larger = "more letters"
    operand = typed = "[a-z]+"
    example = ("hello", "abc")
    parquet_share = 0.6

    def words(self, size: int) -> int:
        return letters.num_words(size)

    def values(self, size: int, count: int) -> np.ndarray:
        return letters.every(size)[-count:]  # for words of a fixed length, only the longest

    def measure(self, operands: np.ndarray) -> np.ndarray:
        return np.count_nonzero(letters.unpack(operands), axis=1)

    def write(self, solved: Solved, width: int, start: int = 0) -> np.ndarray:
        rows = np.full((solved.magnitude.shape[1], width), ord(PAD), np.uint8)
        written = letters.unpack(solved.magnitude)[:, : width - start]
        target = rows[:, start : start + written.shape[1]]
        np.add(written, np.uint8(ord("a") - 1), out=target, where=written > 0)
        return rows

    def read(self, codes: np.ndarray, start: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
        columns = start[:, np.newaxis] + np.arange(size)
        characters = np.take_along_axis(codes, np.minimum(columns, codes.shape[1] - 1), axis=1)
        return letters.pack(
            np.where(columns < end[:, np.newaxis], characters - np.uint8(ord("a") - 1), np.uint8(0)), size
        )


DECIMAL: Notation = _Decimal()
DASHES: Notation = _Dashes()
RESIDUES: Notation = _Residues()
POSITIVE: Notation = _Positive()
LETTERS: Notation = _Letters()
NOTATIONS = (DECIMAL, POSITIVE, DASHES, RESIDUES, LETTERS)


def _dashes(lengths: np.ndarray, width: int) -> np.ndarray:
    """Rows of ``lengths`` dashes, then spaces; arithmetic without a branch is ten times as fast as ``np.where``."""
    rows = (np.arange(width, dtype=np.uint32) >= lengths.astype(np.uint32)[:, None]).view(np.uint8)
    rows *= np.uint8(ord("-") - ord(PAD))
    return np.subtract(np.uint8(ord("-")), rows, out=rows)
