"""The counter: the notebook's shape, encoder, repeated vector, decoder, over a recurrence without feedback."""

import keras
from keras import ops

from seq2seq_arith.trainer.models.layers import Counter, OneHot


def counter(ids: keras.KerasTensor, *, hidden: int, layers: int, steps: int, depth: int) -> keras.KerasTensor:
    """Counts what it reads, and writes by counting on from there.

    Args:
      ids: [examples, question steps] or [examples, question steps, channels].
      hidden: Counters, and units of the readout.
      layers: Hidden layers of the readout.
      steps: Of the answer.
      depth: Characters of the alphabet.

    Returns:
      Logits, [examples, steps, depth].
    """
    counts = Counter(hidden, scale=float(steps), name="encoder")(OneHot(depth, dtype="float32")(ids))[:, -1]
    context = keras.layers.RepeatVector(steps)(counts)
    ticks = Counter(hidden, scale=float(steps), name="decoder")(context)
    sequence = ops.concatenate([context, ticks], axis=-1)
    for number in range(layers):
        sequence = keras.layers.Dense(hidden, activation="relu", dtype="float32", name=f"readout_{number}")(sequence)
    return keras.layers.Dense(depth, dtype="float32", name="logits")(sequence)
