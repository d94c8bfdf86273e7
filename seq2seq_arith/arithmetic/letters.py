"""Words of letters as numbers, so that the code that draws, hashes, compares and sorts numbers also works for words.

Twelve letters are one word of a number (``numbers``): a letter, 1 for a to 26 for z, is a digit in base 27, and the
first letter is the least significant. No letter is 0. So letters 0 to 11 of a string are the first word of its number,
letters 12 to 23 the second, and 27^12 is below 10^18::

    "ab"    1 + 2 * 27 = 55

>>> pack(unpack(np.array([[55]], np.uint64)), 2).tolist()
[[55]]
"""

import string

import numpy as np

from seq2seq_arith.arithmetic.numbers import WORD, stack
from seq2seq_arith.arithmetic.splitmix import uniform

ALPHABET = string.ascii_lowercase
BASE = len(ALPHABET) + 1
WORD_LETTERS = 12
# The number of letters from one random word: 26^6 is below 2^32, the maximum bound of ``uniform``.
DRAWN_LETTERS = 6

_POWERS = np.array([BASE**place for place in range(WORD_LETTERS)], np.uint64)


def num_words(size: int) -> int:
    """The number of words of a number that ``size`` letters need."""
    return -(-size // WORD_LETTERS)


def number(word: str) -> int:
    """The number of a word, which is the form that a slice of a suite returns.

    >>> number("ab")
    55
    """
    parts = [word[start : start + WORD_LETTERS] for start in range(0, len(word), WORD_LETTERS)]
    packed = [sum((ALPHABET.index(letter) + 1) * BASE**place for place, letter in enumerate(part)) for part in parts]
    return sum(value * WORD**index for index, value in enumerate(packed))


def unpack(numbers: np.ndarray) -> np.ndarray:
    """The letters of words, uint64 (words, n): 1 for a to 26 for z, and 0 after the last; uint8 (n, 12 * words)."""
    letters = numbers[:, :, np.newaxis] // _POWERS % np.uint64(BASE)
    return np.ascontiguousarray(letters.transpose(1, 0, 2)).reshape(numbers.shape[1], -1).astype(np.uint8)


def pack(letters: np.ndarray, size: int) -> np.ndarray:
    """Words of at most ``size`` letters from their letters, uint8 of shape (n, m): the inverse of ``unpack``."""
    words = num_words(size)
    padded = np.zeros((len(letters), words * WORD_LETTERS), np.uint64)
    kept = letters[:, : padded.shape[1]]
    padded[:, : kept.shape[1]] = kept
    return np.ascontiguousarray((padded.reshape(len(letters), words, WORD_LETTERS) * _POWERS).sum(axis=2).T)


def every(size: int) -> np.ndarray:
    """Every word of at most ``size`` letters, at most twelve, the shorter ones first: uint64 of shape (count,)."""
    words, longest = [], np.zeros(1, np.uint64)
    for place in range(size):
        longest = (longest[:, np.newaxis] + np.arange(1, BASE, dtype=np.uint64) * _POWERS[place]).ravel()
        words.append(longest)
    return np.concatenate(words)


def joined(words: list[np.ndarray], length: np.ndarray) -> np.ndarray:
    """Words of uniform letters and of these lengths, from random words, six letters from each; all uint64 (n,)."""
    bounds = np.array([len(ALPHABET) ** count for count in range(DRAWN_LETTERS + 1)], np.uint64)
    columns = []
    for part, word in enumerate(words):
        count = np.clip(length.astype(np.int64) - DRAWN_LETTERS * part, 0, DRAWN_LETTERS)
        rest, packed = uniform(word, bounds.take(count)), np.zeros(len(word), np.uint64)
        for place in range(DRAWN_LETTERS):
            rest, letter = np.divmod(rest, np.uint64(len(ALPHABET)))
            packed += np.where(place < count, letter + np.uint64(1), np.uint64(0)) * _POWERS[place]
        columns.append(packed)
    for low, high in zip(columns[::2], columns[1::2], strict=False):
        low += high * _POWERS[DRAWN_LETTERS]
    return stack(columns[::2])
