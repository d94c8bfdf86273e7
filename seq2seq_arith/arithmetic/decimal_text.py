"""Decimal numbers as fixed-width matrices of ASCII, one row per example.

A number is written right-aligned behind zeros, eight characters at a time: a uint64 contains eight characters of a
row, the first in its lowest byte. Then each row is cut where its number begins::

    00012+00345       written with leading zeros
       12+345         leading zeros cut off, padded
"""

import functools

import numpy as np

from seq2seq_arith.arithmetic.numbers import WORD_DIGITS, num_words

PAD = " "

WORD = 8  # characters that are written together
GROUP = 10_000  # four digits, which are looked up together
MAX_DIGITS = 20  # of a uint64


def question(symbol: str, digits: int, left: np.ndarray, right: np.ndarray, width: int) -> np.ndarray:
    """Two numbers of at most ``digits`` digits, the symbol between them, padded: uint8 of shape (n, width)."""
    rest = np.full((right.shape[1], 2 * digits), ord(PAD), np.uint8)
    second = _write_digits(rest[:, :digits], right)
    rows = np.full((left.shape[1], 2 * digits + 1 + width), ord(PAD), np.uint8)
    first = _write_digits(rows[:, :digits], left)
    rows[:, digits] = ord(symbol)
    rows[:, digits + 1 : 2 * digits + 1] = _from(rest, second, digits)
    return _from(rows, first, width)


def signed(magnitude: np.ndarray, negative: np.ndarray | None, width: int, start: int = 0) -> np.ndarray:
    """Numbers with a minus sign where they are negative, padded on the right: uint8 of shape (n, width).

    They begin in column ``start``; the columns before contain blanks or zeros.
    """
    rows = np.full((magnitude.shape[1], 1 + 2 * width), ord(PAD), np.uint8)
    first = 1 + _write_digits(rows[:, 1 : 1 + width], magnitude)
    if negative is not None:
        first[negative] -= 1
        rows[negative, first[negative]] = ord("-")
    return _from(rows, first - start, width)


def read(codes: np.ndarray, start: np.ndarray, end: np.ndarray, digits: int) -> np.ndarray:
    """The numbers in columns ``start`` to ``end - 1`` of each row of codes: uint64 (words, n), of uint8 (n, width)."""
    values = np.zeros((num_words(digits), len(codes)), np.uint64)
    rows = np.arange(len(codes))
    for place in range(digits):
        column = end - 1 - place
        is_digit = column >= start
        digit = np.where(is_digit, codes[rows, np.where(is_digit, column, 0)] - np.uint8(ord("0")), np.uint8(0))
        values[place // WORD_DIGITS] += digit * np.uint64(10 ** (place % WORD_DIGITS))
    return values


def lengths(numbers: np.ndarray, digits: int) -> np.ndarray:
    """The number of digits of each number, at most ``digits``: uint64 of shape (n,)."""
    top, counts = numbers[0], np.ones(numbers.shape[1], np.uint64)
    for i, word in enumerate(numbers[1:], 1):
        is_used = word > 0
        top = np.where(is_used, word, top)
        counts = np.where(is_used, np.uint64(1 + WORD_DIGITS * i), counts)
    last = min(digits - WORD_DIGITS * (len(numbers) - 1), MAX_DIGITS)
    for power in range(1, last if len(numbers) == 1 else max(WORD_DIGITS, last)):
        counts += top >= np.uint64(10**power)
    return counts


def _write_digits(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Writes numbers into rows, uint8 of shape (n, digits); returns the column of each first digit: int64 (n,)."""
    digits = rows.shape[1]
    columns = _columns(numbers, min(digits, WORD_DIGITS))[::-1]
    for i in range(len(numbers)):
        end = digits - WORD_DIGITS * i
        for column in columns:
            if end >= WORD:
                rows[:, end - WORD : end].view("<u8")[:, 0] = column[i]
            elif end > 0:
                rows[:, :end] = column[i, :, np.newaxis].view(np.uint8)[:, -end:]
            end -= WORD  # zeros before a word are overwritten by the next word
    return digits - lengths(numbers, digits).view(np.int64)


def _from(rows: np.ndarray, first: np.ndarray, width: int) -> np.ndarray:
    """``width`` characters of each row from column ``first`` on, int64 of shape (n,)."""
    # Copying each row as one element is faster than copying its characters.
    windows = np.ndarray((len(rows), rows.shape[1] - width + 1), f"V{width}", rows, strides=rows.strides)
    return windows[np.arange(len(rows)), first].view(np.uint8).reshape(-1, width)


def _columns(word: np.ndarray, digits: int) -> list[np.ndarray]:
    """Words, of any shape, as right-aligned text of at least so many digits: uint64, each of eight characters."""
    columns = []
    for _ in range(-(-digits // WORD)):
        high = word // np.uint64(GROUP**2)
        columns.append(_eight_digits(word - high * np.uint64(GROUP**2)))
        word = high
    return columns[::-1]


def _eight_digits(values: np.ndarray) -> np.ndarray:
    high = values // np.uint64(GROUP)
    low = values - high * np.uint64(GROUP)
    table = _four_digits()
    column = np.take(table, low.view(np.int64))
    column <<= np.uint64(32)
    column |= np.take(table, high.view(np.int64))
    return column


@functools.cache
def _four_digits() -> np.ndarray:
    """0 to 9999 as four ASCII digits, in the low half of a column."""
    return np.array([f"{value:04d}".encode() for value in range(GROUP)]).view("<u4").astype(np.uint64)
