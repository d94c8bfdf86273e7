"""Tasks of your own, in a file: words that are copied, reversed and sorted, and sums of three numbers.

    arith-data generate sort --task-file examples/task/own_tasks.py --data-dir data
    arith-data verify data/seq2seq_arith/sort/1.0.0 --task-file examples/task/own_tasks.py
    arith-model train sort --task-file examples/task/own_tasks.py --data-dir data --run-dir runs/sort

An operand is a column of words of numbers (``seq2seq_arith/arithmetic/numbers.py``). One of letters is packed into such
a column, and ``letters`` unpacks it: 1 for a to 26 for z, and 0 behind the last letter.
"""

import numpy as np

from seq2seq_arith.arithmetic import drawing, letters, numbers
from seq2seq_arith.arithmetic.notation import DECIMAL, LETTERS, Solved
from seq2seq_arith.arithmetic.operations import Operation

ALPHABET = "abcdefghijklmnopqrstuvwxyz "


def backwards(size, word):
    """The letters from the last to the first."""
    unpacked = letters.unpack(word)
    length = np.count_nonzero(unpacked, axis=1)[:, np.newaxis]
    place = length - 1 - np.arange(unpacked.shape[1])
    turned = np.take_along_axis(unpacked, np.maximum(place, 0), axis=1)
    return Solved(letters.pack(np.where(place >= 0, turned, 0), size))


def in_order(size, word):
    """The letters in the order of the alphabet; what is no letter stays behind them."""
    unpacked = letters.unpack(word)
    ordered = np.sort(np.where(unpacked > 0, unpacked, 255), axis=1)
    return Solved(letters.pack(np.where(ordered < 255, ordered, 0), size))


def of_words(solve):
    """A task of one word, whose answer is as long."""
    return Operation(
        arity=1,
        symbol="",
        notation=LETTERS,
        draws={"letters": drawing.LETTERS, "fixed": drawing.FIXED_LETTERS},
        alphabet=ALPHABET,
        solve=solve,
        max_digits=200,
        question_width=lambda size: size,
        answer_width=lambda size: size,
        digits=5,
        ordered=True,
        recipe_family="strings",
    )


OPERATIONS = {
    "copy": of_words(lambda size, word: Solved(word)),
    "reverse": of_words(backwards),
    "sort": of_words(in_order),
    "addition_of_three": Operation(
        arity=3,
        symbol="+",
        notation=DECIMAL,
        alphabet="0123456789+ ",
        solve=lambda digits, a, b, c: Solved(numbers.add(numbers.add(a, b), c)),
        max_digits=1000,
        question_width=lambda digits: 3 * digits + 2,
        answer_width=lambda digits: digits + 1,
        digits=2,
        reverse=True,
        ordered=True,
        recipe_family="strings",
    ),
}
