"""The counter: an encoder whose last state a decoder goes on from, over a recurrence without feedback."""

import keras
from keras import ops

from seq2seq_arith.trainer.models.layers import Counter, GoSignal, OneHot

READOUT_UNITS = 32


def counter(ids: keras.KerasTensor, *, hidden: int, layers: int, steps: int, depth: int) -> keras.KerasTensor:
    """Counts what it reads, and goes on counting from there while it writes.

    The decoder starts from the encoder's last state (Sutskever, Vinyals, Le, "Sequence to Sequence Learning with
    Neural Networks", NIPS 2014). As in an LSTM the readout sees the tanh of the state, which tells neighbouring
    counts apart near zero, however long the strings are; and the decoder's input beside it, as in Cho et al.,
    "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation", EMNLP 2014.
    No weight depends on the number of steps.

    Args:
      ids: [examples, question steps] or [examples, question steps, channels].
      hidden: Counters.
      layers: Hidden layers of the readout, of ``READOUT_UNITS`` each.
      steps: Of the answer.
      depth: Characters of the alphabet.

    Returns:
      Logits, float32 [examples, steps, depth].
    """
    characters = OneHot(depth, dtype="float32")(ids)
    read = Counter(hidden, return_sequences=False, name="encoder")(characters)
    signal = GoSignal(steps, name="signal")(characters)
    # The decoder counts alike for all examples, so it does once, and each example starts from what it has read.
    counted = ops.expand_dims(read, 1) + Counter(hidden, name="decoder")(signal)
    sequence = _dense("readout_0")(ops.tanh(counted)) + _dense("readout_signal", use_bias=False)(signal)
    for number in range(1, layers):
        sequence = _dense(f"readout_{number}")(ops.relu(sequence))
    return keras.layers.Dense(depth, dtype="float32", name="logits")(ops.relu(sequence))


def _dense(name: str, **kwargs) -> keras.layers.Dense:
    return keras.layers.Dense(READOUT_UNITS, dtype="float32", name=name, **kwargs)
