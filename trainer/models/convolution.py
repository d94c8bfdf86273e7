"""The convolution: every answer character from a window of question characters at the same place."""

import keras

from seq2seq_arith.trainer.models.layers import OneHot

WIDTH = 3


def convolution(ids: keras.KerasTensor, *, hidden: int, layers: int, depth: int) -> keras.KerasTensor:
    """``layers`` convolutions, each over ``WIDTH`` steps.

    It learns pq because question and answer have the same number of characters, a + 1 + b = 1 + a + b, so that
    each can be answered where it stands: it need not count, and any length will do.

    Args:
      ids: [examples, steps] or [examples, steps, channels].
      hidden: Filters of each layer.
      layers: Convolutions.
      depth: Characters of the alphabet.

    Returns:
      Logits, [examples, steps, depth].
    """
    sequence = OneHot(depth)(ids)
    for number in range(layers):
        layer = keras.layers.Conv1D(hidden, WIDTH, padding="same", activation="relu", name=f"layer_{number}")
        sequence = layer(sequence)
    return keras.layers.Dense(depth, dtype="float32", name="logits")(sequence)
