"""The input format for ``times_digit.py``, in a separate file, because that one is also read without TensorFlow."""

import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.input_formats import AlignedFormat


class RepeatedDigit(AlignedFormat):
    """As ``aligned``, but the right operand, a single digit, is repeated at every step: for the task of that file."""

    def __init__(self, name, task):
        super().__init__(name, task)
        if task.name != "times_digit":
            raise InputError(f"the task is {task.name}; give times_digit, with --task-file examples/times_digit.py")
        self.question_shape = (task.answer_width, 2)

    def encode_question(self, strings):
        left, right = self._operands(strings, self.answer_steps)
        return tf.stack([left, tf.repeat(right[:, :1], self.answer_steps, axis=1)], axis=2)

    def decode_question(self, ids):
        left, right = tf.unstack(ids, axis=2)
        alone = tf.concat([right[:, :1], tf.fill(tf.shape(right[:, 1:]), tf.constant(self.pad, right.dtype))], axis=1)
        return super().decode_question(tf.stack([left, alone], axis=2))
