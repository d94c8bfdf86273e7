"""Decimal numbers as fixed-width matrices of ASCII, one row per example.

The text is worked on eight characters at a time: a column of uint64 holds eight characters of each row, the first
in its lowest byte, and a list of such columns (``Columns``) holds the whole strings. Moving text is then a shift, and
joining is an OR. Absent characters are zero bytes until the padding is filled in::

    row            columns[0]   columns[1]        lowest byte first
    "12+345 "      "12+345\0\0"  ...
"""

import functools

import numpy as np

from seq2seq_arith.arithmetic.numbers import WORD_DIGITS, num_words

PAD = " "

Columns = list[np.ndarray]

WORD = 8  # characters in a column
GROUP = 10_000  # four digits, looked up at once


def question(symbol: str, digits: int, left: np.ndarray, right: np.ndarray, width: int) -> np.ndarray:
    """Two numbers with the symbol between them, padded on the right.

    Args:
      symbol: One character.
      digits: The most digits of an operand.
      left, right: Numbers as columns of words, uint64 of shape (words, n).
      width: Characters per row.

    Returns:
      uint8 of shape (n, width).
    """
    if len(left) > 1:
        return _long_question(symbol, digits, left, right, width)
    padded, length = _zero_padded(left, digits)
    rest, rest_length = _zero_padded(right, digits)
    joined = padded + _behind(symbol, _left_aligned(rest, rest_length, len(rest)))
    return _rows(_left_aligned(joined, length, len(padded)), width)


def signed(magnitude: np.ndarray, negative: np.ndarray | None, digits: int, width: int) -> np.ndarray:
    """Numbers with a minus sign where they are negative, padded on the right.

    Args:
      magnitude: Numbers as columns of words, uint64 of shape (words, n).
      negative: bool of shape (n,); None if no number is.
      digits: The most digits of a magnitude.
      width: Characters per row.

    Returns:
      uint8 of shape (n, width).
    """
    if len(magnitude) > 1:
        return _long_signed(magnitude, negative, digits, width)
    padded, length = _zero_padded(magnitude, digits)
    text = _left_aligned(padded, length, len(padded))
    if negative is not None and negative.any():
        text = [np.where(negative, a, b) for a, b in zip(_behind("-", text), text, strict=False)]
    return _rows(text, width)


def read(codes: np.ndarray, start: np.ndarray, end: np.ndarray, digits: int) -> np.ndarray:
    """The numbers that stand in columns ``start`` to ``end - 1`` of each row.

    Args:
      codes: uint8 of shape (n, width).
      start, end: int64 of shape (n,).
      digits: The most digits of a number.

    Returns:
      Numbers as columns of words, uint64 of shape (words, n).
    """
    values = np.zeros((num_words(digits), len(codes)), np.uint64)
    rows = np.arange(len(codes))
    for place in range(digits):
        column = end - 1 - place
        there = column >= start
        digit = np.where(there, codes[rows, np.where(there, column, 0)] - np.uint8(ord("0")), np.uint8(0))
        values[place // WORD_DIGITS] += digit * np.uint64(10 ** (place % WORD_DIGITS))
    return values


def lengths(numbers: np.ndarray, digits: int) -> np.ndarray:
    """How many digits each of some numbers of at most ``digits`` digits has: uint64 of shape (n,)."""
    top, places = numbers[0], np.ones(numbers.shape[1], np.uint64)
    for i, word in enumerate(numbers[1:], 1):
        there = word > 0
        top = np.where(there, word, top)
        places = np.where(there, np.uint64(1 + WORD_DIGITS * i), places)
    last = digits - WORD_DIGITS * (len(numbers) - 1)
    for power in range(1, last if len(numbers) == 1 else max(WORD_DIGITS, last)):
        places += top >= np.uint64(10**power)
    return places


def _long_question(symbol: str, digits: int, left: np.ndarray, right: np.ndarray, width: int) -> np.ndarray:
    """As ``question``, of numbers of several words."""
    rows = np.full((left.shape[1], 2 * digits + 1 + width), ord(PAD), np.uint8)
    first = _write_digits(rows[:, :digits], left)
    rows[:, digits] = ord(symbol)
    behind = rows[:, digits + 1 :]
    second = _write_digits(behind[:, :digits], right)
    behind[:, :digits] = _from(behind, second, digits)
    return _from(rows, first, width)


def _long_signed(magnitude: np.ndarray, negative: np.ndarray | None, digits: int, width: int) -> np.ndarray:
    """As ``signed``, of numbers of several words."""
    rows = np.full((magnitude.shape[1], 1 + digits + width), ord(PAD), np.uint8)
    first = 1 + _write_digits(rows[:, 1 : 1 + digits], magnitude)
    if negative is not None:
        first[negative] -= 1
        rows[negative, first[negative]] = ord("-")
    return _from(rows, first, width)


def _write_digits(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Writes numbers of several words, right-aligned behind zeros, and finds their first digits.

    Args:
      rows: uint8 of shape (n, digits), to be overwritten.
      numbers: uint64 of shape (words, n).

    Returns:
      The column of the first digit that is not a zero in front: int64 of shape (n,).
    """
    columns = _columns(numbers, WORD_DIGITS)[::-1]
    for i in range(len(numbers)):
        end = rows.shape[1] - WORD_DIGITS * i
        for column in columns:
            if end >= WORD:
                rows[:, end - WORD : end].view("<u8")[:, 0] = column[i]
            elif end > 0:
                rows[:, :end] = column[i, :, np.newaxis].view(np.uint8)[:, -end:]
            end -= WORD  # zeros before a word are overwritten by the next word
    is_digit = rows != ord("0")
    is_digit[:, -1] = True  # a zero alone
    return is_digit.argmax(axis=1)


def _from(rows: np.ndarray, first: np.ndarray, width: int) -> np.ndarray:
    """So many characters of each row from a column on; ``first`` is int64 of shape (n,)."""
    windows = np.lib.stride_tricks.sliding_window_view(rows, width, axis=1)
    return windows[np.arange(len(rows)), first]


def _zero_padded(numbers: np.ndarray, digits: int) -> tuple[Columns, np.ndarray]:
    """Numbers of one word, right-aligned behind zeros, and how many digits each has."""
    return _columns(numbers[0], digits), lengths(numbers, digits)


def _columns(word: np.ndarray, digits: int) -> Columns:
    """Words of numbers, of any shape, as right-aligned text of at least ``digits`` characters."""
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


def _left_aligned(columns: Columns, length: np.ndarray, count: int) -> Columns:
    """Text whose first number, of ``length`` digits, ends column ``count``, without the zeros before it."""
    capacity = WORD * count
    return _move(columns, np.uint64(capacity) - length, capacity)


def _move(columns: Columns, places: np.ndarray, most: int) -> Columns:
    """Each row moved ``places`` characters, at most ``most``, towards its beginning; what passes it is dropped."""
    whole, bits = places // np.uint64(WORD), places % np.uint64(WORD) * np.uint64(8)
    step = 1
    while step <= most // WORD:
        jump = (whole & np.uint64(step)) != 0
        columns = [np.where(jump, _get(columns, i + step), column) for i, column in enumerate(columns)]
        step *= 2
    # NumPy defines a shift by 64 bits as 0, which is what a row that stays in place needs.
    back = np.uint64(64) - bits
    moved = [column >> bits for column in columns]
    for i, following in enumerate(columns[1:]):
        moved[i] |= following << back
    return moved


def _behind(character: str, columns: Columns) -> Columns:
    """The character, then the text."""
    moved = [column << np.uint64(8) for column in columns] + [columns[-1] >> np.uint64(56)]
    for i, previous in enumerate(columns[:-1]):
        moved[i + 1] |= previous >> np.uint64(56)
    moved[0] |= np.uint64(ord(character))
    return moved


def _get(columns: Columns, index: int) -> np.ndarray:
    return columns[index] if index < len(columns) else np.zeros_like(columns[0])


def _rows(columns: Columns, width: int) -> np.ndarray:
    """The rows as characters, padded with spaces: uint8 of shape (n, width)."""
    words = np.empty((len(columns[0]), -(-width // WORD)), "<u8")
    for i in range(words.shape[1]):
        words[:, i] = columns[i]
    rows = words.view(np.uint8)
    rows += (rows == 0).view(np.uint8) * np.uint8(ord(PAD))
    return rows[:, :width]
