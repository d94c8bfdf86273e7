"""Words of letters as numbers, against plain strings; ``tests/pipelines/test_task_files.py`` draws them."""

import itertools
from string import ascii_lowercase

import numpy as np
import pytest

from seq2seq_arith.arithmetic import letters, sampling
from seq2seq_arith.arithmetic.notation import LETTERS, Solved
from seq2seq_arith.arithmetic.numbers import from_ints, to_ints


def number(word: str) -> int:
    """Twelve letters are a word of 18 digits, the first letter its least significant digit in base 27."""
    parts = [word[start : start + 12] for start in range(0, len(word), 12)]
    return sum(sum((ord(c) - 96) * 27**i for i, c in enumerate(part)) * 10 ** (18 * p) for p, part in enumerate(parts))


WORDS = ["a", "z", "ab", "hello", "zzzzzzzzzzzz", "abcdefghijklm", "zyxwvutsrqponmlkjihgfedcba"]


def test_words_are_numbers_and_back():
    numbers = from_ints([number(word) for word in WORDS], 3)
    assert LETTERS.measure(numbers).tolist() == [len(word) for word in WORDS]
    written = LETTERS.write(Solved(numbers), 26)
    assert ["".join(map(chr, row)).strip() for row in written] == WORDS
    lengths = np.array([len(word) for word in WORDS])
    assert to_ints(LETTERS.read(written, np.zeros(len(WORDS), np.int64), lengths, 36)) == [
        number(word) for word in WORDS
    ]
    assert np.array_equal(letters.pack(letters.unpack(numbers), 36), numbers)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_word_once_the_shorter_ones_first(size):
    words = ["".join(chr(96 + letter) for letter in row if letter) for row in letters.unpack(letters.every(size)[None])]
    assert sorted(words) == sorted(
        "".join(word) for length in range(1, size + 1) for word in itertools.product(ascii_lowercase, repeat=length)
    )
    assert [*map(len, words)] == sorted(map(len, words))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_word_of_a_length_is_as_probable(size):
    count, probability = sampling.LETTERS.values(size)
    assert count.sum() == sampling.LETTERS.num_values(size) == len(letters.every(size))
    assert np.isclose((count * probability).sum(), 1)
    count, probability = sampling.FIXED_LETTERS.values(size)
    assert count * probability == 1
