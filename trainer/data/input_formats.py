"""Input formats: the encoding of a task's strings as ids for a model, and back.

An input format is fixed and reversible. It moves, pads, groups, marks or repeats characters by their position and by
the operator; it never counts, compares or computes, except for the scratchpads. ``trainer/registry.py`` lists the input
formats. For 297 + 172 = 469, which addition stores reversed, as ``271+792`` and ``469 ``, they are::

    step               0    1    2    3    4    5    6
    plain              2    7    1    +    7    9    2         answer  4 6 9 _
    reversed           2    7    1    +    7    9    2         answer  9 6 4 _
    aligned            7 2  9 7  2 1  _ _                      answer  9 6 4 _
    partial_products   7 2  7 7  7 1  _ _                      answer  9 6 4 _
                       _ _  9 2  9 7  9 1
                       _ _  _ _  2 2  2 7

docs/reference/input-formats.md shows all of them.

>>> input_format = make_input_format("aligned", Task("addition"))
>>> ids = input_format.encode_question(text.to_codes(["271+792"], 7)).numpy()[0]
>>> ["".join(input_format.alphabet[character] for character in step) for step in ids]
['72', '97', '21', '  ']
>>> text.to_strings(input_format.decode_question(ids[None]).numpy())
['271+792']

All strings are uint8 code points of shape [examples, width]. Everything runs in a graph as well as eagerly.
"""

import copy
import inspect
import string
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import draws, text
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.plugins import Plugin
from seq2seq_arith.trainer.registry import INPUT_FORMATS, check_input_format, input_format_entry

# The letters of index hints.
INDEX_LETTERS, LETTERS = 200, string.ascii_letters
# The number of examples on which a custom input format is tested.
TRIED = 256

# A tf.Tensor, or anything that becomes one; TensorFlow's own annotations do not say that these are the same.
Tensor = Any


class InputFormat:
    """The stored strings as they are (``plain``); the base of all input formats, also of custom ones.

    An input format sets ``question_shape`` and ``answer_steps`` in its ``__init__``, after that of this class, if they
    differ.

    Attributes:
      name: The input format's name in the registry.
      task: The task whose strings these are.
      alphabet: The characters, in the order of their ids.
      question_shape: The shape of one question: (steps,) or (steps, channels).
      answer_steps: The steps of one answer.
      pad: The id of the padding.
      end: The id of the EOS token after an answer; characters after it are ignored. None if there is no EOS token.
      writes_more: Whether the output contains more than the answer. In the scores of an epoch all of it must be right,
        in an evaluation only the answer.
    """

    end: int | None = None
    writes_more = False

    def __init__(self, name: str, task: Task) -> None:
        self.name = name
        self.task = task
        self.alphabet = task.alphabet
        self.question_shape = input_format_entry(name).question_shape(task)
        self.answer_steps = input_format_entry(name).answer_steps(task)
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

    def write(self, questions: Tensor, answers: Tensor) -> Tensor:
        """The target output, uint8 ids [examples, answer_steps], for stored questions and answers.

        It is the answer, unless an input format overrides this; ``decode_answer`` extracts the answer from it.
        """
        return self.encode_answer(answers)

    def with_ids(self, dtype: type[np.integer]) -> "InputFormat":
        """A copy whose encoded ids have another dtype than uint8."""
        other = copy.copy(self)
        other._ids = self._ids.astype(dtype)
        return other

    def _extend(self, wanted: str, count: int) -> None:
        """Adds ``count`` new characters to the alphabet, first the wanted ones; they are decoded as blanks."""
        candidates = dict.fromkeys([*wanted, *map(chr, range(0x100, 0x300))])
        self.alphabet += "".join([character for character in candidates if character not in self.alphabet][:count])
        self._codes = np.append(self._codes, np.full(count, ord(PAD), np.uint8))

    def _length(self, ids: Tensor) -> Tensor:
        """int32 [examples, 1]: one past the last character that is not padding."""
        steps = tf.range(1, tf.shape(ids)[1] + 1)[None, :]
        return tf.reduce_max(tf.where(ids != self.pad, steps, 0), axis=1, keepdims=True)

    def _to_ids(self, strings: Tensor) -> Tensor:
        return tf.gather(self._ids, tf.cast(strings, tf.int32))

    def _to_codes(self, ids: Tensor) -> Tensor:
        return tf.gather(self._codes, tf.cast(ids, tf.int32))


class ReversedFormat(InputFormat):
    """The stored question, and the answer from its last character to its first (``reversed``).

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


class NumbersFormat(ReversedFormat):
    """The base of the input formats that take the operands apart, of which there may be any number."""

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        self._operator = self.alphabet.index(task.operation.symbol) if task.operation.symbol else -1

    def _operands(self, strings: Tensor, steps: int) -> list[Tensor]:
        """The digits of each operand from the units, ids [examples, steps], blank past its end."""
        ids = self._to_ids(strings)
        if self.task.reverse:
            ids = tf.reverse(ids, [1])
        # An operand has no sign, so the first operators are those between the operands.
        before = tf.cumsum(tf.cast(ids == self._operator, tf.int32), axis=1)  # [examples, width]
        operands, start = [], tf.zeros_like(before[:, :1])  # [examples, 1], as ``end``
        for number in range(self.task.operation.arity):
            is_last = number == self.task.operation.arity - 1
            within = tf.reduce_sum(tf.cast(before <= number, tf.int32), axis=1, keepdims=True)
            end = self._length(ids) if is_last else within
            operands.append(_from_the_end(ids, start, end, steps, self.pad))
            start = end + 1
        return operands

    def _joined(self, operands: list[Tensor], width: int) -> Tensor:
        """The inverse of ``_operands``, as ids [examples, width] of a question as it is stored."""
        steps, offset = tf.range(width)[None, :], tf.zeros_like(operands[0][:, :1], tf.int32)
        joined = tf.fill([tf.shape(operands[0])[0], width], tf.constant(self.pad, operands[0].dtype))
        for number, digits in enumerate(operands):
            if number:
                joined = tf.where(steps == offset, tf.constant(self._operator, joined.dtype), joined)
                offset += 1
            end = offset + self._length(digits)
            joined = tf.where((steps >= offset) & (steps < end), _take(digits, end - 1 - steps), joined)
            offset = end
        return tf.reverse(joined, [1]) if self.task.reverse else joined


class AlignedFormat(NumbersFormat):
    """The digits of both operands side by side, least significant first (``aligned``).

    Step t of the question holds digit t of the left and digit t of the right operand, blank past the end; step t of the
    answer holds its character t, from the end as well.
    """

    def encode_question(self, strings: Tensor) -> Tensor:
        return tf.stack(self._operands(strings, self.answer_steps), axis=2)

    def decode_question(self, ids: Tensor) -> Tensor:
        return self._to_codes(self._joined(tf.unstack(ids, axis=2), self.task.question_width))


class PartialProductsFormat(AlignedFormat):
    """All pairs of digits whose positions add up to the step (``partial_products``).

    Step t of the question holds every pair of digit i of the left and digit t - i of the right operand, i from 0, blank
    where there is none: the digits that meet in column t of a long multiplication, side by side and not multiplied.
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        step, left = np.meshgrid(np.arange(self.answer_steps), np.arange(self.question_shape[1] // 2), indexing="ij")
        self._left, self._right = left, step - left
        self._is_pair = (left < task.operand_width) & (self._right >= 0) & (self._right < task.operand_width)

    def encode_question(self, strings: Tensor) -> Tensor:
        ids = super().encode_question(strings)
        blank = tf.constant(self.pad, ids.dtype)
        pairs = [
            tf.where(self._is_pair, tf.gather(ids[:, :, side], np.where(self._is_pair, index, 0), axis=1), blank)
            for side, index in enumerate((self._left, self._right))
        ]
        return tf.reshape(tf.stack(pairs, axis=3), (-1, *self.question_shape))

    def decode_question(self, ids: Tensor) -> Tensor:
        # Left digit i meets right digit 0 in step i, and right digit i left digit 0.
        digits = self.task.operand_width
        left, right = tf.linalg.diag_part(ids[:, :digits, : 2 * digits : 2]), ids[:, :digits, 1]
        return super().decode_question(tf.stack([left, right], axis=2))


class ZeroPaddedFormat(NumbersFormat):
    """Zeros in front of all numbers, as Python's ``str.zfill`` puts them, up to one width (``zero_padded``).

    A minus stands in front of the zeros. What is not written so is decoded as blanks, which no right answer is.
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        self._zero, self._minus = self.alphabet.index("0"), self.alphabet.find("-")

    def encode_question(self, strings: Tensor) -> Tensor:
        operands = self._operands(strings, self.task.operand_width)
        return self._joined([self._filled(digits) for digits in operands], self.question_shape[0])

    def decode_question(self, ids: Tensor) -> Tensor:
        operands = self._operands(self._to_codes(ids), self.task.operand_width)
        return self._to_codes(self._joined([self._stripped(digits) for digits in operands], self.task.question_width))

    def encode_answer(self, strings: Tensor) -> Tensor:
        ids = self._backwards(self._to_ids(strings), self.task.answer_width)
        is_minus = ids == self._minus
        digits = self._filled(tf.where(is_minus, tf.constant(self.pad, ids.dtype), ids))
        last = tf.where(tf.reduce_any(is_minus, axis=1), tf.constant(max(self._minus, 0), ids.dtype), digits[:, -1])
        return tf.concat([digits[:, :-1], last[:, None]], axis=1)

    def decode_answer(self, ids: Tensor) -> Tensor:
        zero, pad = (tf.constant(number, ids.dtype) for number in (self._zero, self.pad))
        steps = tf.range(tf.shape(ids)[1])[None, :]
        is_minus = (ids == self._minus) & (steps == tf.shape(ids)[1] - 1)
        digits = tf.where(is_minus, zero, ids)
        is_number = tf.reduce_all((digits >= zero) & (digits < zero + 10), axis=1, keepdims=True)
        stripped = self._stripped(digits)
        sign = tf.reduce_any(is_minus, axis=1, keepdims=True) & (steps == self._length(stripped))
        signed = tf.where(sign, tf.constant(max(self._minus, 0), ids.dtype), stripped)
        return super().decode_answer(tf.where(is_number, signed, pad))

    def _filled(self, digits: Tensor) -> Tensor:
        return tf.where(digits == self.pad, tf.constant(self._zero, digits.dtype), digits)

    def _stripped(self, digits: Tensor) -> Tensor:
        """Digits from the units without the zeros in front; one zero stays."""
        steps = tf.range(tf.shape(digits)[1])[None, :]
        length = tf.reduce_max(tf.where(digits != self._zero, steps + 1, 1), axis=1, keepdims=True)
        return tf.where(steps < length, digits, tf.constant(self.pad, digits.dtype))


class PlainEosFormat(InputFormat):
    """No padding, and a mark at the end of the answer (``plain_eos``).

    A question ends at its last step, so that only blanks stand before it: ``causal`` does not see these.
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        self.end = len(self.alphabet)
        self._extend("$", 1)

    def encode_question(self, strings: Tensor) -> Tensor:
        ids = self._to_ids(strings)
        return _moved(ids, self._length(ids) - tf.shape(ids)[1], self.pad)

    def decode_question(self, ids: Tensor) -> Tensor:
        first = tf.argmax(ids != self.pad, axis=1, output_type=tf.int32)[:, None]
        return self._to_codes(ids if self.task.reverse else _moved(ids, first, self.pad))

    def encode_answer(self, strings: Tensor) -> Tensor:
        ids = self._to_ids(strings)
        written = tf.pad(self._turned(ids), [[0, 0], [0, 1]], constant_values=self.pad)
        is_end = tf.range(self.answer_steps)[None, :] == self._length(ids)
        return tf.where(is_end, tf.constant(len(self.alphabet) - 1, ids.dtype), written)

    def decode_answer(self, ids: Tensor) -> Tensor:
        # No end, or a blank before it, is never right. (ONNX has no argmax of booleans.)
        length = tf.argmax(tf.cast(ids == self.end, tf.int32), axis=1, output_type=tf.int32)[:, None]
        within = tf.range(self.answer_steps)[None, :] < length
        within &= tf.reduce_all(~within | (ids != self.pad), axis=1, keepdims=True)
        return self._to_codes(self._turned(tf.where(within, ids, tf.constant(self.pad, ids.dtype))[:, :-1]))

    def _turned(self, ids: Tensor) -> Tensor:
        """The characters of an answer in the order in which they are written, or stored."""
        return ids


class ReversedEosFormat(PlainEosFormat, ReversedFormat):
    """As ``plain_eos``, with the answer from its last character to its first (``reversed_eos``)."""

    def _turned(self, ids: Tensor) -> Tensor:
        return self._backwards(ids, self.task.answer_width)


class RandomSpacesFormat(ReversedFormat):
    """A blank before about half of the question's characters, where a hash of the string says (``random_spaces``).

    Shen et al., "Positional Description Matters for Transformers Arithmetic", 2023, so that no index can be relied on.
    """

    def encode_question(self, strings: Tensor) -> Tensor:
        ids = self._to_ids(strings)
        is_character = ids != self.pad
        numbers = tf.cumsum(tf.cast(is_character, tf.int32), axis=1)
        gap = _mixed(_hashed(strings) + numbers * -1640531527) % 2 == 0
        pairs = tf.stack([tf.fill(tf.shape(ids), tf.constant(self.pad, ids.dtype)), ids], axis=2)
        is_kept = tf.stack([gap & is_character, is_character], axis=2)
        pairs, is_kept = (tf.reshape(part, (-1, *self.question_shape)) for part in (pairs, is_kept))
        return _packed(pairs, is_kept, self.question_shape[0], self.pad, self.task.reverse)

    def decode_question(self, ids: Tensor) -> Tensor:
        width = self.task.question_width
        return self._to_codes(_packed(ids, ids != self.pad, width, self.pad, self.task.reverse))


class IndexHintsFormat(NumbersFormat):
    """A letter for its position before each digit, and each character of the answer (``index_hints``).

    Index hints: Zhou et al., "What Algorithms Can Transformers Learn?", ICLR 2024. The letter of the units is drawn by
    a hash of the question among ``INDEX_LETTERS`` letters, so that those of positions beyond the longest numbers are
    learned, too.
    """

    writes_more = True

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        self._positions = max(task.operand_width, task.answer_width)
        self._first = len(self.alphabet)
        if self._positions > INDEX_LETTERS:
            raise InputError(
                f"the input format {name!r} has letters for {INDEX_LETTERS} digit positions, and {task.config_name} "
                f"has {self._positions}; give fewer --digits"
            )
        if self._first + INDEX_LETTERS > 256:
            raise InputError(
                f"the input format {name!r} adds {INDEX_LETTERS} letters to the alphabet, and that of {task.name} has "
                f"{self._first} characters, of which it may have {256 - INDEX_LETTERS}; use --input-format reversed"
            )
        self._extend(LETTERS, INDEX_LETTERS)

    def encode_question(self, strings: Tensor) -> Tensor:
        operands = self._operands(strings, self.task.operand_width)
        marked = [self._marked(digits, strings, self.task.reverse) for digits in operands]
        return self._joined(marked, self.question_shape[0])

    def decode_question(self, ids: Tensor) -> Tensor:
        is_kept = (ids != self.pad) & (ids < self._first)
        return self._to_codes(_packed(ids, is_kept, self.task.question_width, self.pad, self.task.reverse))

    def write(self, questions: Tensor, answers: Tensor) -> Tensor:
        return self._marked(self._backwards(self._to_ids(answers), self.task.answer_width), questions, True)

    def decode_answer(self, ids: Tensor) -> Tensor:
        return super().decode_answer(ids[:, 1::2])

    def _marked(self, digits: Tensor, questions: Tensor, hint_first: bool) -> Tensor:
        """Characters from the units and their hints, in turn: ids [examples, 2 * steps]."""
        start = _mixed(_hashed(questions)) % (INDEX_LETTERS - self._positions + 1)
        hints = tf.cast(self._first + start + tf.range(tf.shape(digits)[1])[None, :], digits.dtype)
        hints = tf.where(digits == self.pad, digits, hints)
        pairs = tf.stack([hints, digits] if hint_first else [digits, hints], axis=2)
        return tf.reshape(pairs, (-1, 2 * digits.shape[1]))


class Scratchpad(ZeroPaddedFormat):
    """Partial results before the answer, of a sum or a product of numbers with zeros in front (``scratchpad``).

    Nye et al., "Show Your Work", 2021. Each partial result is below 100, and has two digits, the units first. A sum has
    those of each position, from the units: the carry and one digit, and another digit, ... A product has rows as on
    paper: for each digit of the right operand, from the units, and each digit of the left one, their product, and that
    plus the digit at its position after the rows above, plus the carry::

        97 + 5      7  7+5  1+9  1+9+0              70 21 01 01
        23 * 45     5*3  15+0+0  5*2  10+0+1        51 51 01 11
                    4*3  12+1+0  4*2   8+1+1        21 31 80 01
    """

    writes_more = True

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        self._thought = self.answer_steps - task.answer_width

    def write(self, questions: Tensor, answers: Tensor) -> Tensor:
        operands = self._operands(questions, self.task.operand_width)
        operands = [tf.cast(self._filled(digits), tf.int32) - self._zero for digits in operands]
        results = self._products(*operands) if self.task.operation.symbol == "*" else self._sums(operands)
        pairs = tf.stack([results % 10, results // 10], axis=2) + self._zero
        thought = tf.reshape(tf.cast(pairs, tf.uint8), (-1, self._thought))
        return tf.concat([thought, self.encode_answer(answers)], axis=1)

    def decode_answer(self, ids: Tensor) -> Tensor:
        return super().decode_answer(ids[:, self._thought :])

    def _sums(self, operands: list[Tensor]) -> Tensor:
        """The partial results of a sum, int32 [examples, results], of digits [examples, positions]."""
        results, total = [], tf.zeros_like(operands[0][:, 0])
        for position in range(self.task.operand_width):
            total //= 10
            for digits in operands:
                total += digits[:, position]
                results.append(total)
        return tf.stack(results, axis=1)

    def _products(self, left: Tensor, right: Tensor) -> Tensor:
        """As ``_sums``, of a product."""
        width, blank = self.task.operand_width, tf.zeros_like(left[:, 0])
        results, above = [], [blank] * width  # the digits of the row above
        for row in range(width):
            carry, digits = blank, []
            for position in range(width):
                product = left[:, position] * right[:, row]
                total = product + above[position] + carry
                carry = total // 10
                results += [product, total]
                digits.append(total % 10)
            above = [*digits[1:], carry]
        return tf.stack(results, axis=1)


class PlainScratchpad(Scratchpad):
    """The same partial results for a question as it is stored, and an answer with blanks (``plain_scratchpad``)."""

    encode_question, decode_question = InputFormat.encode_question, InputFormat.decode_question

    def encode_answer(self, strings: Tensor) -> Tensor:
        return self._backwards(self._to_ids(strings), self.task.answer_width)

    def decode_answer(self, ids: Tensor) -> Tensor:
        return self._to_codes(self._backwards(ids[:, self._thought :], self.task.answer_width))


def make_input_format(name: str, task: Task, own: Plugin | None = None) -> InputFormat:
    """The input format of a name on a task's strings: that of the registry, or a custom one."""
    check_input_format(name, task)
    if name in INPUT_FORMATS:
        return INPUT_FORMATS[name].build(name, task)
    return _own(own or Plugin.resolve(plugins.INPUT_FORMAT, name), task)


def _own(plugin: Plugin, task: Task) -> InputFormat:
    """A custom input format, after a test on some examples."""
    format_class = plugin.code
    place = _place(format_class)
    if not issubclass(format_class, InputFormat):
        raise InputError(
            f"{place} {format_class.__name__} does not derive from seq2seq_arith.trainer.data.input_formats.InputFormat"
        )
    try:
        with tf.init_scope():
            input_format = format_class(plugin.name, task)
            fault = _fault(input_format)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"the input format {plugin.name!r} cannot be used: {plugins.where(error, plugin.file)}"
        ) from None
    if fault:
        raise InputError(f"{place} the input format {format_class.__name__} {fault}")
    return input_format


def _place(format_class: type) -> str:
    """The file and the line of a class, for the beginning of a message."""
    try:
        return f"{inspect.getfile(format_class)}, line {inspect.getsourcelines(format_class)[1]}:"
    except (OSError, TypeError):  # it was made without a file
        return f"{format_class.__module__}:"


def _fault(input_format: InputFormat) -> str:
    """The fault of an input format, found by encoding and decoding some examples; empty if there is none."""
    task, question_shape, answer_shape = input_format.task, input_format.question_shape, (input_format.answer_steps,)
    operands = draws.operands(task, np.arange(TRIED, dtype=np.uint64))
    questions, answers = text.questions(task, *operands), text.answers(task, *operands)
    for kind, codes, shape, encode, decode in (
        ("question", questions, question_shape, input_format.encode_question, input_format.decode_question),
        ("answer", answers, answer_shape, input_format.encode_answer, input_format.decode_answer),
    ):
        ids = tf.function(encode)(np.ascontiguousarray(codes))
        if tuple(ids.shape) != (TRIED, *shape):
            return f"encodes {TRIED} {kind}s in the shape {tuple(ids.shape)}; its attributes say {(TRIED, *shape)}"
        if ids.dtype != tf.uint8:
            return f"encodes {kind}s as {ids.dtype.name}; give ids of uint8"
        if np.max(ids, initial=0) >= len(input_format.alphabet):
            return f"gives {kind}s the id {np.max(ids)}, but its alphabet has {len(input_format.alphabet)} characters"
        decoded = tf.function(decode)(ids)
        if tuple(decoded.shape) != codes.shape or decoded.dtype != tf.uint8:
            return (
                f"decodes {TRIED} {kind}s to {decoded.dtype.name} of shape {tuple(decoded.shape)}, not to uint8 of "
                f"shape {codes.shape}"
            )
        if wrong := np.flatnonzero((np.asarray(decoded) != codes).any(axis=1)).tolist():
            stored, back = (text.to_strings(strings[wrong[:1]])[0] for strings in (codes, np.asarray(decoded)))
            return f"does not decode to what it encodes: the {kind} {stored!r} becomes {back!r}"
    return ""


def _from_the_end(ids: Tensor, start: Tensor, end: Tensor, steps: int, pad: int) -> Tensor:
    """ids[start:end] of each row from its last to its first, padded to [examples, steps]."""
    index = end - 1 - tf.range(steps)[None, :]
    return tf.where(index >= start, _take(ids, index), tf.constant(pad, ids.dtype))


def _moved(ids: Tensor, by: Tensor, pad: int) -> Tensor:
    """ids[row, step + by] of each row, padded where that is outside."""
    index = tf.range(tf.shape(ids)[1])[None, :] + by
    return tf.where((index >= 0) & (index < tf.shape(ids)[1]), _take(ids, index), tf.constant(pad, ids.dtype))


def _packed(ids: Tensor, is_kept: Tensor, width: int, pad: int, to_the_right: bool) -> Tensor:
    """The ids that are kept, in order and without gaps, at the left or the right of [examples, width]."""
    if to_the_right:
        ids, is_kept = tf.reverse(ids, [1]), tf.reverse(is_kept, [1])
    order = tf.argsort(tf.cast(~is_kept, tf.int32), axis=1, stable=True)[:, :width]
    packed = tf.where(tf.gather(is_kept, order, batch_dims=1), _take(ids, order), tf.constant(pad, ids.dtype))
    return tf.reverse(packed, [1]) if to_the_right else packed


def _hashed(strings: Tensor) -> Tensor:
    """int32 [examples, 1]: a hash of each string, uint8 [examples, width], whatever its padding; it overflows."""
    codes = tf.cast(strings, tf.int32) - ord(PAD)
    keys = tf.where(codes > 0, _mixed(codes * 65537 + tf.cumsum(codes, axis=1)), 0)
    # Not tf.reduce_sum, whose int32 sums do not overflow in ONNX Runtime.
    return _mixed(tf.cumsum(keys, axis=1)[:, -1:])


def _mixed(keys: Tensor) -> Tensor:
    """A hash of each int32, from 0 to 2^31 - 1: the finalizer of MurmurHash3, with shifts that keep the sign."""
    for shift, factor in ((16, -2048144789), (13, -1028477387)):
        keys = tf.bitwise.bitwise_xor(keys, tf.bitwise.right_shift(keys, shift)) * factor
    return tf.bitwise.bitwise_xor(keys, tf.bitwise.right_shift(keys, 16))


def _take(ids: Tensor, index: Tensor) -> Tensor:
    """ids[row, index[row, ...]]; of an index outside of the row, any of its ids."""
    # Not clipped: where LiteRT converts integers that are clipped to 0 and 6, it makes an operation that it lacks.
    return tf.gather(ids, index % tf.shape(ids)[1], batch_dims=1)
