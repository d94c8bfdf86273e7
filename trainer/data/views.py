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

import inspect
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import draws, text
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.registry import VIEWS, check_view, view_entry

# A view of one's own is tried on so many examples.
TRIED = 256

# A tf.Tensor, or anything that becomes one; TensorFlow's own annotations do not say that these are the same.
Tensor = Any


class View:
    """The stored strings as they are (``raw``); the base of the other views, also of a view of one's own.

    A view sets ``question_shape`` and ``answer_steps`` in its ``__init__``, after that of this class, if they differ.

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
        self.question_shape = view_entry(name).question_shape(task)
        self.answer_steps = view_entry(name).answer_steps(task)
        self.pad = self.alphabet.index(PAD)
        self._codes = np.frombuffer(self.alphabet.encode("ascii"), np.uint8)
        self._ids = text.character_ids(task)

    @property
    def longest(self) -> int:
        """The steps of a question or of an answer, whichever has more."""
        return max(self.question_shape[0], self.answer_steps)

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


def make_view(name: str, task: Task, sha256: str | None = None) -> View:
    """The view of that name on the task's strings.

    Args:
      name: A name of the registry, or a view of one's own.
      task: Whose strings they are.
      sha256: The checksum that the file of a view of one's own must have; None if that does not matter.
    """
    check_view(name, task)
    if name in VIEWS:
        return VIEWS[name].build(name, task)
    return _own(name, plugins.load(name, sha256, plugins.VIEW), task)


def _own(name: str, found: type, task: Task) -> View:
    """A view of one's own, tried out."""
    file, place = plugins.file_of(name), _place(found)
    if not issubclass(found, View):
        raise InputError(f"{place} {found.__name__} does not derive from seq2seq_arith.trainer.data.views.View")
    try:
        with tf.init_scope():
            view = found(name, task)
            fault = _fault(view)
    except Exception as error:
        raise InputError(f"view {name!r} cannot be used: {plugins.where(error, file)}") from None
    if fault:
        raise InputError(f"{place} the view {found.__name__} {fault}")
    return view


def _place(found: type) -> str:
    """Where a class stands, for the head of a sentence."""
    try:
        return f"{inspect.getfile(found)}, line {inspect.getsourcelines(found)[1]}:"
    except (OSError, TypeError):  # it was made without a file
        return f"{found.__module__}:"


def _fault(view: View) -> str:
    """What is wrong with a view, found by taking it of some examples; empty if nothing is."""
    operands = draws.operands(view.task, np.arange(TRIED, dtype=np.uint64))
    for what, codes, shape, encode, decode in (
        ("question", text.questions(view.task, *operands), view.question_shape, view.encode_question,
         view.decode_question),
        ("answer", text.answers(view.task, *operands), (view.answer_steps,), view.encode_answer, view.decode_answer),
    ):  # fmt: skip
        ids = tf.function(encode)(np.ascontiguousarray(codes))
        if tuple(ids.shape) != (TRIED, *shape):
            return f"encodes {TRIED} {what}s in the shape {tuple(ids.shape)}; its attributes say {(TRIED, *shape)}"
        if ids.dtype != tf.uint8:
            return f"encodes {what}s as {ids.dtype.name}; give ids of uint8"
        if np.max(ids, initial=0) >= len(view.alphabet):
            return f"gives {what}s the id {np.max(ids)}, but its alphabet has {len(view.alphabet)} characters"
        decoded = tf.function(decode)(ids)
        if tuple(decoded.shape) != codes.shape or decoded.dtype != tf.uint8:
            return (
                f"decodes {TRIED} {what}s to {decoded.dtype.name} of shape {tuple(decoded.shape)}, not to uint8 of "
                f"shape {codes.shape}"
            )
        if wrong := np.flatnonzero((np.asarray(decoded) != codes).any(axis=1)).tolist():
            there, back = (to_strings(each[wrong[:1]])[0] for each in (codes, np.asarray(decoded)))
            return f"does not give back what it encodes: the {what} {there!r} becomes {back!r}"
    return ""


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
