"""A custom input format: each number of a modular addition is one token, not one or two digits.

    arith-model train modular_addition --data-dir data --run-dir runs/own --recipe plain \
        --input-format examples/own_input_format.py:WholeNumbers --model causal --positional-encoding learned

Power et al., "Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets", 2022, write numbers
this way. A network cannot see that 23 and 24 have a digit in common. For 23 + 95 = 21 (mod 97)::

    plain             2 3 + 9 5      answer  2 1
    WholeNumbers     23    95      answer   21
"""

import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.input_formats import AlignedFormat, InputFormat

MAX_MODULUS = 256  # an id is one byte
FIRST = 0x100  # the code point of the character of 0; each number has its own character


class WholeNumbers(InputFormat):
    """Ids are numbers: both operands, uint8 of shape (examples, 2), and the answer, uint8 of shape (examples, 1)."""

    def __init__(self, name, task):
        super().__init__(name, task)
        if task.name != "modular_addition" or task.size > MAX_MODULUS:
            raise InputError(
                f"the task is {task.config_name}; give modular_addition with a modulus up to {MAX_MODULUS}"
            )
        self.alphabet = "".join(chr(FIRST + number) for number in range(task.size))
        self.question_shape, self.answer_steps = (2,), 1
        # This input format returns the ids of the digits, units first.
        self._aligned = AlignedFormat("aligned", task)
        self._zero = task.alphabet.index("0")  # the id of the digit 0; those of 1 to 9 follow
        self._powers = tf.constant([[10**place] for place in range(self._aligned.answer_steps)])

    def encode_question(self, strings):
        return self._numbers(self._aligned.encode_question(strings))

    def decode_question(self, ids):
        return self._aligned.decode_question(self._digits(ids))

    def encode_answer(self, strings):
        return self._numbers(self._aligned.encode_answer(strings)[:, :, None])

    def decode_answer(self, ids):
        return self._aligned.decode_answer(self._digits(ids)[:, :, 0])

    def _numbers(self, digits):
        """The numbers, (examples, numbers), from the ids of their digits and blanks, (examples, positions, numbers)."""
        values = tf.where(digits == self._aligned.pad, 0, tf.cast(digits, tf.int32) - self._zero)
        return tf.cast(tf.reduce_sum(values * self._powers, axis=1), tf.uint8)

    def _digits(self, numbers):
        """The inverse of ``_numbers``: positions beyond the first digit are blank."""
        numbers = tf.cast(numbers, tf.int32)[:, None]
        blank = (numbers < self._powers) & (self._powers > 1)
        digits = numbers // self._powers % 10 + self._zero
        return tf.cast(tf.where(blank, self._aligned.pad, digits), tf.uint8)
