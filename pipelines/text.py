"""From operands to the stored strings: fixed-width matrices of ASCII, one row an example.

Decimal text is worked on eight characters at a time: a column of uint64 holds eight characters of each row, the first
in its lowest byte, and a list of such columns (``Columns``) holds the whole strings. Moving text is then a shift, and
joining is an OR. Absent characters are zero bytes until the padding is filled in.
"""

import functools

import numpy as np

from seq2seq_arith.pipelines.tasks import PAD, Task

Columns = list[np.ndarray]

WORD = 8  # characters in a column
GROUP = 10_000  # four digits, looked up at once


def questions(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Stored questions: padded to the width, then reversed if the task says so.

    Args:
      left, right: The operands, uint64 of shape (n,).

    Returns:
      uint8 of shape (n, question_width).
    """
    write = _dashes_question if task.operation.notation == "dashes" else _decimal_question
    rows = write(task, left, right)
    return rows[:, ::-1] if task.reverse else rows


def answers(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Stored answers, padded to the width: uint8 of shape (n, answer_width)."""
    solved = task.operation.solve(left.astype(np.int64), right.astype(np.int64))
    write = _dashes_answer if task.operation.notation == "dashes" else _decimal_answer
    return write(task, solved)


def _decimal_question(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    padded, length = _zero_padded(left, task.digits)
    rest, rest_length = _zero_padded(right, task.digits)
    joined = padded + _behind(task.operation.symbol, _move(rest, _capacity(rest) - rest_length))
    return _rows(_move(joined, _capacity(padded) - length), task.question_width)


def _decimal_answer(task: Task, solved: np.ndarray) -> np.ndarray:
    negative = solved < 0
    padded, length = _zero_padded(np.abs(solved).astype(np.uint64), task.answer_width)
    text = _move(padded, _capacity(padded) - length)
    if negative.any():
        signed = _behind("-", text)
        text = [np.where(negative, a, b) for a, b in zip(signed, text, strict=False)]
    return _rows(text, task.answer_width)


def _zero_padded(values: np.ndarray, digits: int) -> tuple[Columns, np.ndarray]:
    """Numbers of at most ``digits`` digits, right-aligned behind zeros, and how many digits each has."""
    columns = []
    rest = values
    for _ in range(-(-digits // WORD)):
        high = rest // np.uint64(GROUP**2)
        columns.append(_eight_digits(rest - high * np.uint64(GROUP**2)))
        rest = high
    length = np.ones(len(values), np.uint64)
    for power in range(1, digits):
        length += values >= np.uint64(10**power)
    return columns[::-1], length


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


def _capacity(columns: Columns) -> np.uint64:
    return np.uint64(WORD * len(columns))


def _move(columns: Columns, places: np.ndarray) -> Columns:
    """Each row moved ``places`` characters towards its beginning; what passes it is dropped."""
    whole, bits = places // np.uint64(WORD), places % np.uint64(WORD) * np.uint64(8)
    step = 1
    while step < len(columns):
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


def _dashes_question(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    rows = _dashes(left + right + np.uint64(1), task.question_width)
    rows[np.arange(len(rows)), left.astype(np.int64)] = ord(task.operation.symbol)
    return rows


def _dashes_answer(task: Task, solved: np.ndarray) -> np.ndarray:
    prefix = np.frombuffer(task.operation.answer_prefix.encode(), np.uint8)
    rows = _dashes(solved + len(prefix), task.answer_width)
    rows[:, : len(prefix)] = prefix
    return rows


def _dashes(lengths: np.ndarray, width: int) -> np.ndarray:
    """Rows of so many dashes, then spaces; written without a branch, which is ten times as fast as a choice."""
    rows = (np.arange(width, dtype=np.uint32) >= lengths.astype(np.uint32)[:, None]).view(np.uint8)
    rows *= np.uint8(ord("-") - ord(PAD))
    return np.subtract(np.uint8(ord("-")), rows, out=rows)
