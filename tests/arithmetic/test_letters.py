"""Words of letters as numbers: packed, read, written and drawn, against plain strings."""

import numpy as np
import pytest
import reference

from seq2seq_arith.arithmetic import drawing, letters
from seq2seq_arith.arithmetic.notation import LETTERS, Solved
from seq2seq_arith.arithmetic.numbers import from_ints, to_ints
from seq2seq_arith.arithmetic.splitmix import Words


def number(word: str) -> int:
    """Twelve letters are a word of 18 digits, the first letter its least significant digit in base 27."""
    parts = [word[start : start + 12] for start in range(0, len(word), 12)]
    return sum(sum((ord(c) - 96) * 27**i for i, c in enumerate(part)) * 10 ** (18 * p) for p, part in enumerate(parts))


WORDS = ["a", "z", "ab", "hello", "zzzzzzzzzzzz", "abcdefghijklm", "zyxwvutsrqponmlkjihgfedcba"]


def test_words_are_numbers_and_back():
    numbers = from_ints([number(word) for word in WORDS], 3)
    assert LETTERS.measure(numbers).tolist() == [len(word) for word in WORDS]
    written = LETTERS.answer("", Solved(numbers), 26)
    assert ["".join(map(chr, row)).strip() for row in written] == WORDS
    lengths = np.array([len(word) for word in WORDS])
    assert to_ints(LETTERS.read(written, np.zeros(len(WORDS), np.int64), lengths, 36)) == [
        number(word) for word in WORDS
    ]
    assert np.array_equal(letters.pack(letters.unpack(numbers), 36), numbers)


def test_questions_of_several_words():
    sides = [from_ints([number(word) for word in words]) for words in (["abc", "z"], ["q", "hello"], ["a", "b"])]
    rows = LETTERS.question("+", 5, sides, 17)
    assert ["".join(map(chr, row)) for row in rows] == ["abc+q+a          ", "z+hello+b        "]


def drawn(seed: int, first: int, size: int, fixed: bool) -> str:
    """A word of letters from the random words that begin with ``first``, as the data format says."""
    length = size if fixed else 1 + reference.uniform(reference.word(seed, first), size)
    word = ""
    for part in range(-(-length // 6)):
        count = min(6, length - 6 * part)
        limb = reference.uniform(reference.word(seed, first + 1 + part), 26**count)
        word += "".join(chr(97 + limb // 26**place % 26) for place in range(count))
    return word


@pytest.mark.parametrize("size", [1, 5, 6, 7, 12, 13, 30])
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("arity", [1, 2, 3])
def test_drawn_words(size, fixed, arity):
    way, each = drawing.FIXED_LETTERS if fixed else drawing.LETTERS, 1 + -(-size // 6)
    assert way.words_per_draw(size, arity) == arity * each
    sides = way.operands(size, Words(7, np.arange(50, dtype=np.uint64), arity * each), arity)
    expected = [[drawn(7, (i * arity + side) * each, size, fixed) for i in range(50)] for side in range(arity)]
    assert [to_ints(side) for side in sides] == [[number(word) for word in words] for words in expected]
    assert not fixed or {len(word) for words in expected for word in words} == {size}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_word_of_a_length_is_as_probable(size):
    count, probability = drawing.LETTERS.values(size)
    assert count.sum() == drawing.LETTERS.num_values(size) == len(letters.every(size))
    assert np.isclose((count * probability).sum(), 1)
    assert len(set(letters.every(size).tolist())) == count.sum()
    count, probability = drawing.FIXED_LETTERS.values(size)
    assert count * probability == 1
