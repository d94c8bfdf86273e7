"""Strings to ids and back: the vocabulary of a task, and the views through which a model sees its strings.

A view is fixed and reversible. It moves, pads and groups characters by their position and by the operator;
it never counts, compares or computes.

- ``raw``: the stored string, character by character.
- ``backward``: the stored question, and the answer from its last character to its first, padding at the end.
- ``aligned``: decimal tasks only. Step t of the question holds digit t of the left and digit t of the right
  operand, least significant first, blank past the end; step t of the answer holds its character t, likewise from
  the end. ``271+792`` (stored reversed: 297+172) is read as ``72 97 21 __``, and ``469 `` written as ``964 ``.
- ``crossed``: decimal tasks only; the answer as in ``aligned``. Step t of the question holds every pair of digit i of
  the left and digit t - i of the right operand, i from 0, blank where there is none: the digits that meet in column t
  of a long multiplication, side by side and not multiplied.

All strings are uint8 code points of shape [examples, width]; everything runs in a graph as well as eagerly.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.pipelines.tasks import PAD

# A tf.Tensor or what becomes one; TensorFlow's own annotations don't say that they are the same.
Tensor = Any


class View:
    """The stored strings as they are (``raw``); the base of the other views.

    Attributes:
      task: Whose strings these are.
      alphabet: The characters, in the order of their ids.
      question_shape: Of one example: (steps,) or (steps, channels).
      answer_steps: Of one example.
    """

    name = "raw"

    def __init__(self, task: Task) -> None:
        self.task = task
        self.alphabet = task.alphabet
        self.question_shape: tuple[int, ...] = (task.question_width,)
        self.answer_steps = task.answer_width
        self.pad = self.alphabet.index(PAD)
        codes = np.frombuffer(self.alphabet.encode("ascii"), np.uint8)
        ids = np.full(256, self.pad, np.uint8)
        ids[codes] = np.arange(len(codes))
        self._codes, self._ids = codes, ids

    def encode_question(self, strings: Tensor) -> Tensor:
        """uint8 [examples, question width] to uint8 ids [examples, *question_shape]."""
        return self._to_ids(strings)

    def decode_question(self, ids: Tensor) -> Tensor:
        """The inverse of ``encode_question``."""
        return self._to_codes(ids)

    def encode_answer(self, strings: Tensor) -> Tensor:
        """uint8 [examples, answer width] to uint8 ids [examples, answer_steps]."""
        return self._to_ids(strings)

    def decode_answer(self, ids: Tensor) -> Tensor:
        """The inverse of ``encode_answer``."""
        return self._to_codes(ids)

    def _to_ids(self, strings: Tensor) -> Tensor:
        return tf.gather(self._ids, tf.cast(strings, tf.int32))

    def _to_codes(self, ids: Tensor) -> Tensor:
        return tf.gather(self._codes, tf.cast(ids, tf.int32))


class BackwardView(View):
    """The stored question, and the answer from its last character to its first (``backward``)."""

    name = "backward"

    def encode_answer(self, strings: Tensor) -> Tensor:
        return self._backwards(self._to_ids(strings))

    def decode_answer(self, ids: Tensor) -> Tensor:
        return self._to_codes(self._backwards(ids))

    def _backwards(self, ids: Tensor) -> Tensor:
        length = self._length(ids)
        return _from_the_end(ids, tf.zeros_like(length), length, self.answer_steps, self.pad)

    def _length(self, ids: Tensor) -> Tensor:
        """int32 [examples, 1]: one past the last character that is no padding."""
        steps = tf.range(1, tf.shape(ids)[1] + 1)[None, :]
        return tf.reduce_max(tf.where(ids != self.pad, steps, 0), axis=1, keepdims=True)


class AlignedView(BackwardView):
    """Digits of both operands side by side, least significant first (``aligned``)."""

    name = "aligned"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        if task.operation.notation != "decimal":
            raise InputError(f"the view {self.name!r} lines up decimal digits and {task.name} has none; use --view raw")
        self.question_shape = (self.answer_steps, 2)
        self._operator = self.alphabet.index(task.operation.symbol)

    def encode_question(self, strings: Tensor) -> Tensor:
        ids = self._to_ids(strings)
        if self.task.reverse:
            ids = tf.reverse(ids, [1])
        # An operand has no sign, so the first operator is the one between the operands.
        operator = tf.argmax(ids == self._operator, axis=1, output_type=tf.int32)[:, None]
        left = _from_the_end(ids, tf.zeros_like(operator), operator, self.answer_steps, self.pad)
        right = _from_the_end(ids, operator + 1, self._length(ids), self.answer_steps, self.pad)
        return tf.stack([left, right], axis=2)

    def decode_question(self, ids: Tensor) -> Tensor:
        left, right = ids[:, :, 0], ids[:, :, 1]
        width, zero = self.task.question_width, tf.zeros_like(left[:, :1], tf.int32)
        left_length, right_length = self._length(left), self._length(right)
        left = _from_the_end(left, zero, left_length, width, self.pad)
        right = _from_the_end(right, zero, right_length, width, self.pad)
        steps = tf.range(width)[None, :]
        right = _take(right, steps - left_length - 1)
        operator = tf.constant(self._operator, ids.dtype)
        joined = tf.where(steps < left_length, left, tf.where(steps == left_length, operator, right))
        return self._to_codes(tf.reverse(joined, [1]) if self.task.reverse else joined)


class CrossedView(AlignedView):
    """All pairs of digits whose places add up to the step (``crossed``)."""

    name = "crossed"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.question_shape = (self.answer_steps, 2 * task.digits)
        step, left = np.meshgrid(np.arange(self.answer_steps), np.arange(task.digits), indexing="ij")
        self._left, self._right = left, step - left
        self._there = (self._right >= 0) & (self._right < task.digits)

    def encode_question(self, strings: Tensor) -> Tensor:
        ids = super().encode_question(strings)
        blank = tf.constant(self.pad, ids.dtype)
        pairs = [
            tf.where(self._there, tf.gather(ids[:, :, side], np.where(self._there, index, 0), axis=1), blank)
            for side, index in enumerate((self._left, self._right))
        ]
        return tf.reshape(tf.stack(pairs, axis=3), (-1, *self.question_shape))

    def decode_question(self, ids: Tensor) -> Tensor:
        # Left digit i meets right digit 0 in step i, and right digit i left digit 0.
        digits = self.task.digits
        left, right = tf.linalg.diag_part(ids[:, :digits, ::2]), ids[:, :digits, 1]
        return super().decode_question(tf.stack([left, right], axis=2))


VIEWS = {view.name: view for view in (View, BackwardView, AlignedView, CrossedView)}


def make_view(name: str, task: Task) -> View:
    """The view of that name on the task's strings.

    Raises:
      InputError: The task has no such view.
    """
    return VIEWS[name](task)


def to_codes(strings: list[str], width: int) -> np.ndarray:
    """Strings of that width, or shorter ones padded on the right, as uint8 [strings, width]."""
    joined = "".join(string.ljust(width) for string in strings)
    return np.frombuffer(joined.encode("ascii"), np.uint8).reshape(len(strings), width)


def to_strings(codes: np.ndarray) -> list[str]:
    """uint8 [strings, width] as a list of strings, padding included."""
    return [row.tobytes().decode("ascii") for row in np.ascontiguousarray(codes)]


def _from_the_end(ids: Tensor, start: Tensor, end: Tensor, steps: int, pad: int) -> Tensor:
    """ids[start:end] of each row from its last to its first, padded to [examples, steps]."""
    index = end - 1 - tf.range(steps)[None, :]
    return tf.where(index >= start, _take(ids, index), tf.constant(pad, ids.dtype))


def _take(ids: Tensor, index: Tensor) -> Tensor:
    """ids[row, index[row, ...]], the index clipped to what is there."""
    return tf.gather(ids, tf.clip_by_value(index, 0, tf.shape(ids)[1] - 1), batch_dims=1)
