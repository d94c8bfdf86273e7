"""Views: how a model sees the strings of a task, as ids and back.

A view is fixed and reversible. It moves, pads, groups or repeats characters by their position and by the operator; it
never counts, compares or computes. ``trainer/registry.py`` lists the views. For 297 + 172 = 469, which addition stores
reversed, as ``271+792`` and ``469 ``, they are::

    step          0    1    2    3    4    5    6
    raw           2    7    1    +    7    9    2         answer  4 6 9 _
    backward      2    7    1    +    7    9    2         answer  9 6 4 _
    aligned       7 2  9 7  2 1  _ _                      answer  9 6 4 _
    crossed       7 2  7 7  7 1  _ _                      answer  9 6 4 _
                  _ _  9 2  9 7  9 1
                  _ _  _ _  2 2  2 7

>>> view = make_view("aligned", Task("addition"))
>>> ids = view.encode_question(to_codes(["271+792"], 7)).numpy()[0]
>>> ["".join(view.alphabet[character] for character in step) for step in ids]
['72', '97', '21', '  ']
>>> to_strings(view.decode_question(ids[None]).numpy())
['271+792']

All strings are uint8 code points of shape [examples, width]. Everything runs in a graph as well as eagerly.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.trainer.registry import VIEWS, check_view, load

# A tf.Tensor, or anything that becomes one; TensorFlow's own annotations do not say that these are the same.
Tensor = Any


class View:
    """The stored strings as they are (``raw``); the base of the other views.

    Attributes:
      name: The view's name in the registry.
      task: The task whose strings these are.
      alphabet: The characters, in the order of their ids.
      question_shape: The shape of one question: (steps,) or (steps, channels).
      answer_steps: The steps of one answer.
      pad: The id of the padding.
    """

    def __init__(self, name: str, task: Task) -> None:
        self.name = name
        self.task = task
        self.alphabet = task.alphabet
        self.question_shape = VIEWS[name].question_shape(task)
        self.answer_steps = VIEWS[name].answer_steps(task)
        self.pad = self.alphabet.index(PAD)
        self._codes = np.frombuffer(self.alphabet.encode("ascii"), np.uint8)
        self._ids = text.character_ids(task)

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
    """The stored question, and the answer from its last character to its first (``backward``).

    An answer that a model wrote too long for the stored width is decoded as blanks, which no right answer is.
    """

    def encode_answer(self, strings: Tensor) -> Tensor:
        return self._backwards(self._to_ids(strings), self.answer_steps)

    def decode_answer(self, ids: Tensor) -> Tensor:
        width = self.task.answer_width
        backwards = self._backwards(ids, width)
        if width < self.answer_steps:
            backwards = tf.where(self._length(ids) > width, tf.constant(self.pad, backwards.dtype), backwards)
        return self._to_codes(backwards)

    def _backwards(self, ids: Tensor, steps: int) -> Tensor:
        length = self._length(ids)
        return _from_the_end(ids, tf.zeros_like(length), length, steps, self.pad)

    def _length(self, ids: Tensor) -> Tensor:
        """int32 [examples, 1]: one past the last character that is not padding."""
        steps = tf.range(1, tf.shape(ids)[1] + 1)[None, :]
        return tf.reduce_max(tf.where(ids != self.pad, steps, 0), axis=1, keepdims=True)


class AlignedView(BackwardView):
    """The digits of both operands side by side, least significant first (``aligned``).

    Step t of the question holds digit t of the left and digit t of the right operand, blank past the end; step t of the
    answer holds its character t, from the end as well.
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
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
    """All pairs of digits whose places add up to the step (``crossed``).

    Step t of the question holds every pair of digit i of the left and digit t - i of the right operand, i from 0, blank
    where there is none: the digits that meet in column t of a long multiplication, side by side and not multiplied.
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        step, left = np.meshgrid(np.arange(self.answer_steps), np.arange(task.operand_width), indexing="ij")
        self._left, self._right = left, step - left
        self._there = (self._right >= 0) & (self._right < task.operand_width)

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
        digits = self.task.operand_width
        left, right = tf.linalg.diag_part(ids[:, :digits, ::2]), ids[:, :digits, 1]
        return super().decode_question(tf.stack([left, right], axis=2))


def make_view(name: str, task: Task) -> View:
    """The view of that name on the task's strings.

    Raises:
      InputError: The task has no such view.
    """
    check_view(name, task)
    return load(VIEWS[name].build)(name, task)


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
