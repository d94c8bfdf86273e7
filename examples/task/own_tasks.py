"""Two custom tasks: sorting the letters of a word, and reducing a fraction.

    arith-data generate sort --task-file examples/task/own_tasks.py --data-dir data
    arith-data verify data/seq2seq_arith/sort/1.0.0 --task-file examples/task/own_tasks.py
    arith-model train sort --task-file examples/task/own_tasks.py --data-dir data --run-dir runs/sort

An operand is a column of words of numbers (``seq2seq_arith/arithmetic/numbers.py``). One of letters is packed into such
a column, and ``letters`` unpacks it: 1 for a to 26 for z, and 0 after the last letter.
"""

import numpy as np

from seq2seq_arith.arithmetic import letters, sampling
from seq2seq_arith.arithmetic.notation import LETTERS, POSITIVE, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.arithmetic.splitmix import uniform
from seq2seq_arith.arithmetic.suites import Slice


def in_order(size, word):
    """The letters in alphabetical order, followed by the padding."""
    unpacked = letters.unpack(word)
    ordered = np.sort(np.where(unpacked > 0, unpacked, 255), axis=1)
    return Solved(letters.pack(np.where(ordered < 255, ordered, 0), size))


def different(word):
    """The number of different letters of each word, for a table of ``evaluate``."""
    ordered = np.sort(letters.unpack(word), axis=1)
    return np.count_nonzero(np.diff(ordered, axis=1, prepend=0), axis=1)


def hard_words(size):
    """The slices of the suite; ``words`` are the random numbers of one question. Operands are integers in a tuple."""

    def alternating(words, size):
        first, second = (letters.ALPHABET[words.below(26)] for _ in range(2))
        return (letters.number(((first + second) * size)[: words.between(1, size)]),)

    yield Slice("alternating", "Two letters alternate, so sorting must move almost every letter.", alternating)


class Sixfold(sampling.Sampler):
    """Samples multiples of six uniformly, so that every fraction of two of them can be reduced."""

    def words_per_draw(self, size, arity=2):
        return arity

    def operands(self, size, words, arity=2):
        drawn = (uniform(words[side], self.num_values(size)) for side in range(arity))
        return tuple((count + np.uint64(1))[np.newaxis] * np.uint64(6) for count in drawn)

    def values(self, size):
        count = self.num_values(size)
        return np.array([float(count)]), np.array([1 / count])

    def num_values(self, size):
        return (10**size - 1) // 6


def reduced(size, left, right):
    """Answers of two parts, written as padded characters: uint8 of shape (n, answer width)."""
    divisor = np.gcd(left, right)
    return POSITIVE.question("/", size, (left // divisor, right // divisor), 2 * size + 1)


OPERATIONS = {
    "sort": Operation(
        arity=1,
        symbol="",
        notation=LETTERS,
        draws={"letters": sampling.LETTERS, "fixed": sampling.FIXED_LETTERS},
        alphabet="abcdefghijklmnopqrstuvwxyz ",
        solve=in_order,
        max_size=200,
        question_width=lambda size: size,
        answer_width=lambda size: size,
        default_size=5,
        ordered=True,
        breakdowns={"different letters": different},
        suite=hard_words,
        recipe_family="strings",
    ),
    "fraction": Operation(
        symbol="/",
        notation=POSITIVE,
        draws={"sixfold": Sixfold()},
        alphabet="0123456789/ ",
        solve=reduced,
        min_size=2,
        max_size=9,
        answer_width=lambda size: 2 * size + 1,
        default_size=3,
        num_examples=lambda size: 10_000,
        ordered=True,
        recipe_family="strings",
    ),
}
