"""Sets to ask a model about: those that nobody trained or chose on, every question there is, and longer ones."""

import numpy as np

from seq2seq_arith.pipelines import Task, draws, text
from seq2seq_arith.trainer.inputs import Examples

Operands = tuple[np.ndarray, np.ndarray]

DASH_TOLERANCE = 0.1


def examples(task: Task, operands: Operands) -> Examples:
    """The questions on these operands, uint64 [examples] each, and the right answers."""
    return Examples(
        np.ascontiguousarray(text.questions(task, *operands)), np.ascontiguousarray(text.answers(task, *operands))
    )


def operands_of(task: Task, questions: np.ndarray) -> Operands:
    """The operands of stored questions, uint64 [examples] each, read from the characters."""
    codes = questions[:, ::-1] if task.reverse else questions
    operator = np.argmax(codes == ord(task.operation.symbol), axis=1)
    end = np.sum(codes != ord(" "), axis=1)
    if task.operation.notation == "dashes":
        return operator.astype(np.uint64), (end - operator - 1).astype(np.uint64)
    return _number(codes, np.zeros_like(operator), operator), _number(codes, operator + 1, end)


def keys(task: Task, operands: Operands) -> np.ndarray:
    """The keys of the operands, one structured value each, so that sets of them can be compared."""
    return np.ascontiguousarray(np.stack(draws.key(task, *operands), axis=1)).view("u8,u8")[:, 0]


def unseen(task: Task, seen: np.ndarray, seed: int) -> Operands:
    """The examples of the dataset of another seed, less every key that is ``seen``; in draw order."""
    other = Task(task.name, task.digits, task.num_examples, seed, task.reverse, task.ordered)
    count = 2 * task.num_examples
    while True:
        operands = draws.operands(other, np.arange(count, dtype=np.uint64))
        _, first = np.unique(keys(other, operands), return_index=True)
        if len(first) >= task.num_examples:
            break
        count *= 2
    kept = np.sort(first)[: task.num_examples]
    left, right = operands[0][kept], operands[1][kept]
    fresh = ~np.isin(keys(task, (left, right)), seen)
    return left[fresh], right[fresh]


def all_questions(task: Task) -> Operands:
    """Every ordered pair of decimal operands of at most D digits: 10^(2D) of them."""
    numbers = np.arange(10**task.digits, dtype=np.uint64)
    return np.repeat(numbers, len(numbers)), np.tile(numbers, len(numbers))


def of_length(task: Task, length: int, count: int, seed: int = 0) -> Operands:
    """Random pairs whose longer operand has exactly ``length`` digits, or dashes within a tenth of it.

    Args:
      task: With at least ``length`` digits.
      length: Digits, or dashes, of the longer operand.
      count: How many pairs.
      seed: Decides which.
    """
    rng = np.random.default_rng([seed, length])
    if task.operation.notation == "dashes":
        lowest = max(1, round(length * (1 - DASH_TOLERANCE)))
        longer = rng.integers(lowest, length, count, np.uint64, endpoint=True)
        shorter = rng.integers(1, longer, count, np.uint64, endpoint=True)
    else:
        lowest = 0 if length == 1 else 10 ** (length - 1)
        longer = rng.integers(lowest, 10**length, count, np.uint64)
        digits = rng.integers(1, length, count, endpoint=True)
        shorter = rng.integers(0, np.array([10 ** int(n) for n in digits], np.uint64), count, np.uint64)
    swap = rng.random(count) < 0.5
    return np.where(swap, shorter, longer), np.where(swap, longer, shorter)


def _number(codes: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    value = np.zeros(len(codes), np.uint64)
    for column in range(codes.shape[1]):
        inside = (start <= column) & (column < end)
        digit = codes[:, column].astype(np.uint64) - np.uint64(ord("0"))
        value = np.where(inside, value * np.uint64(10) + digit, value)
    return value
