"""A custom input format: a start token before each question, as most language models have it (BOS).

    arith-model train addition --data-dir data --run-dir runs/start --recipe plain --model causal \
        --input-format examples/start_token.py:StartToken --positional-encoding nope

It is ``reversed`` otherwise. Without absolute positions, a decoder can find out how far it is from the beginning only
if it recognises the first character (Kazemnejad et al., "The Impact of Positional Encoding on Length Generalization in
Transformers", 2023)::

    reversed      2 7 1 + 7 9 2      answer  9 6 4 _
    StartToken  ^ 2 7 1 + 7 9 2      answer  9 6 4 _
"""

import tensorflow as tf

from seq2seq_arith.trainer.data.input_formats import ReversedFormat


class StartToken(ReversedFormat):
    """The ids of ``reversed``, and that of ``^`` before those of the question, uint8 [examples, 1 + question width]."""

    def __init__(self, name, task):
        super().__init__(name, task)
        self._start = len(self.alphabet)
        self._extend("^", 1)
        self.question_shape = (1 + task.question_width,)

    def encode_question(self, strings):
        return tf.pad(super().encode_question(strings), [[0, 0], [1, 0]], constant_values=self._start)

    def decode_question(self, ids):
        return super().decode_question(ids[:, 1:])
