"""The convolution: every answer character from a window of question characters at the same place."""

import keras

from seq2seq_arith.trainer.models.layers import OneHot
from seq2seq_arith.trainer.models.spec import Spec

WIDTH = 3


def convolution(spec: Spec) -> keras.Model:
    """``spec.layers`` convolutions of ``spec.hidden`` filters, each over ``WIDTH`` steps.

    It learns pq because question and answer have the same number of characters, a + 1 + b = 1 + a + b, so that
    each can be answered where it stands: it need not count, and any length will do::

        question    - - - p - -
        answer      q - - - - -
    """
    ids = spec.question()
    sequence = OneHot(spec.depth)(ids)
    for number in range(spec.layers):
        layer = keras.layers.Conv1D(spec.hidden, WIDTH, padding="same", activation="relu", name=f"layer_{number}")
        sequence = layer(sequence)
    logits = keras.layers.Dense(spec.depth, dtype="float32", name="logits")(sequence)
    return keras.Model(ids, logits, name=spec.name)
