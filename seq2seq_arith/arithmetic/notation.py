"""Notations: how operands are written, read and measured.

A task has one notation, and everything that depends on it asks the notation's object, one of ``NOTATIONS``:
``DECIMAL``, ``POSITIVE``, ``DASHES``, ``RESIDUES`` or ``LETTERS``. D stands for the size of a task: the most digits (or
dashes, or letters) of an operand, or the modulus. Numbers are columns of words as in
``seq2seq_arith.arithmetic.numbers``: uint64 of shape (words, n). A word of letters is such a number, too, as
``letters`` packs it.

>>> DECIMAL.split("+", "12+7"), DASHES.split("p", "---p--")
(('12', '7'), ('---', '--'))
>>> DASHES.split("p", "--p") is None
True
>>> LETTERS.split("", "abc", arity=1)
('abc',)

``pipelines.checking.independent`` repeats these rules on purpose, in plain Python.
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

    magnitude: np.ndarray  # without the sign, uint64 of shape (words, n); the last word may have 19 digits
    negative: np.ndarray | None = None  # bool of shape (n,); None if no answer is


class Notation(abc.ABC):
    """How operands are written, read and measured."""

    name: str
    unit: str  # what the size of a task is counted in
    size_word: str  # what people call the size of a task; the programs have an option of this name
    larger: str  # a larger size, in words
    characters: str  # what the characters of an operand are called
    # Regular expressions, without groups, in the syntax of Python, RE2 and Arrow: of an operand as the datasets hold
    # it, and as a person may type it before it is checked against that.
    operand: str
    typed: str
    example: tuple[str, str]  # two operands, as an example for people
    equals = " = "  # what people write between a question and its answer
    smallest = 1  # operand
    has_digits = False  # whose places an input format can align
    has_lengths = True  # whether a task of another size is the same task with longer or shorter operands
    parquet_share: float  # about how many bytes zstd leaves of a character

    def width(self, size: int) -> int:
        """The most characters of an operand."""
        return size

    def words(self, size: int) -> int:
        """How many words each operand takes."""
        return 1

    def describe(self, size: int) -> str:
        """Which operands there are, in words."""
        return f"at most {size} {self.unit}"

    def allows(self, size: int, operand: str) -> bool:
        """Whether a task of this size has this operand."""
        return len(operand) <= size

    def values(self, size: int, count: int) -> np.ndarray:
        """All operands of a small task, of which there are so many: uint64 of shape (count,), as words of numbers."""
        return self.smallest + np.arange(count, dtype=np.uint64)

    @abc.abstractmethod
    def measure(self, operands: np.ndarray) -> np.ndarray:
        """The number of characters of each operand: int64 of shape (n,)."""

    def question(self, symbol: str, size: int, operands: Sequence[np.ndarray], width: int) -> np.ndarray:
        """Questions: the operands with the symbol between them, padded on the right: uint8 of shape (n, width)."""
        count, most = operands[0].shape[1], self.width(size)
        rows, start = np.full((count, width + most), ord(PAD), np.uint8), np.zeros(count, np.int64)
        for side, operand in enumerate(operands):
            if side:
                rows[np.arange(count), start] = ord(symbol)
                start += 1
            # The padding is overwritten by what follows.
            columns = start[:, np.newaxis] + np.arange(most)
            np.put_along_axis(rows, columns, self.write(Solved(operand), most), axis=1)
            start += self.measure(operand)
        return rows[:, :width]

    def answer(self, prefix: str, solved: Solved, width: int) -> np.ndarray:
        """Answers behind what all of them begin with, padded on the right: uint8 of shape (n, width)."""
        rows = self.write(solved, width, len(prefix))
        rows[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
        return rows

    @abc.abstractmethod
    def write(self, solved: Solved, width: int, start: int = 0) -> np.ndarray:
        """Numbers or words from column ``start`` on, padded on the right: uint8 of shape (n, width).

        The columns before hold anything; the caller overwrites them.
        """

    @abc.abstractmethod
    def read(self, codes: np.ndarray, start: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
        """The operands in columns ``start`` to ``end - 1`` of each row of codes: int64 (n,), of uint8 (n, width)."""

    def split(self, symbol: str, text: str, arity: int = 2) -> tuple[str, ...] | None:
        """The operands of a question as a person types it, or None if it is not a question."""
        match = re.fullmatch(re.escape(symbol).join([f"({self.typed})"] * arity), text)
        return match.groups() if match else None

    def is_operand(self, text: str) -> bool:
        """Whether the datasets write an operand like this."""
        return re.fullmatch(self.operand, text) is not None

    def __repr__(self) -> str:
        return self.name


class _Decimal(Notation):
    """Numbers in base ten, without zeros in front."""

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
    """Numbers from 1 on in base ten."""

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
    """Counts of 1 or more, written as that many dashes."""

    name = unit = size_word = characters = "dashes"
    larger = "more dashes"
    operand = typed = "-+"
    example = ("---", "--")
    equals = ""
    parquet_share = 0.006

    def measure(self, operands: np.ndarray) -> np.ndarray:
        return operands[0].astype(np.int64)

    def question(self, symbol: str, size: int, operands: Sequence[np.ndarray], width: int) -> np.ndarray:
        if len(operands) != 2:
            return super().question(symbol, size, operands, width)
        left, right = operands
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
        return letters.every(size)[-count:]  # of a fixed length only the longest

    def measure(self, operands: np.ndarray) -> np.ndarray:
        return np.count_nonzero(letters.unpack(operands), axis=1)

    def write(self, solved: Solved, width: int, start: int = 0) -> np.ndarray:
        rows = np.full((solved.magnitude.shape[1], width), ord(PAD), np.uint8)
        written = letters.unpack(solved.magnitude)[:, : width - start]
        behind = rows[:, start : start + written.shape[1]]
        np.add(written, np.uint8(ord("a") - 1), out=behind, where=written > 0)
        return rows

    def read(self, codes: np.ndarray, start: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
        columns = start[:, np.newaxis] + np.arange(size)
        there = np.take_along_axis(codes, np.minimum(columns, codes.shape[1] - 1), axis=1)
        return letters.pack(np.where(columns < end[:, np.newaxis], there - np.uint8(ord("a") - 1), np.uint8(0)), size)


DECIMAL: Notation = _Decimal()
DASHES: Notation = _Dashes()
RESIDUES: Notation = _Residues()
POSITIVE: Notation = _Positive()
LETTERS: Notation = _Letters()
NOTATIONS = (DECIMAL, POSITIVE, DASHES, RESIDUES, LETTERS)


def _dashes(lengths: np.ndarray, width: int) -> np.ndarray:
    """Rows of so many dashes, then spaces; written without a branch, which is ten times as fast as a choice."""
    rows = (np.arange(width, dtype=np.uint32) >= lengths.astype(np.uint32)[:, None]).view(np.uint8)
    rows *= np.uint8(ord("-") - ord(PAD))
    return np.subtract(np.uint8(ord("-")), rows, out=rows)
