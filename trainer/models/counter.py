"""The counter: an encoder whose last state a decoder goes on from, over a recurrence without feedback."""

import keras

from seq2seq_arith.trainer.models.layers import Counter, GoSignal, OneHot, ops
from seq2seq_arith.trainer.models.spec import Spec

READOUT_UNITS = 32


def counter(spec: Spec) -> keras.Model:
    """``spec.hidden`` counters that count what they read, and go on counting from there while the answer is written.

    ``spec.layers`` layers of ``READOUT_UNITS`` units read the counts.

    The decoder starts from the encoder's last state (Sutskever, Vinyals, Le, "Sequence to Sequence Learning with
    Neural Networks", NIPS 2014). As in an LSTM the readout sees the tanh of the state, which tells neighbouring
    counts apart near zero, however long the strings are; and the decoder's input beside it, as in Cho et al.,
    "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation", EMNLP 2014.
    No weight depends on the number of steps.
    """
    ids = spec.question()
    characters = OneHot(spec.depth, dtype="float32")(ids)
    read = Counter(spec.hidden, return_sequences=False, name="encoder")(characters)
    signal = GoSignal(spec.steps, name="signal")(characters)
    # The decoder counts alike for all examples, so it counts once, and each example starts from its own state.
    counted = ops.expand_dims(read, 1) + Counter(spec.hidden, name="decoder")(signal)
    sequence = _dense("readout_0")(ops.tanh(counted)) + _dense("readout_signal", use_bias=False)(signal)
    for number in range(1, spec.layers):
        sequence = _dense(f"readout_{number}")(ops.relu(sequence))
    logits = keras.layers.Dense(spec.depth, dtype="float32", name="logits")(ops.relu(sequence))
    return keras.Model(ids, logits, name=spec.name)


def _dense(name: str, **kwargs) -> keras.layers.Dense:
    return keras.layers.Dense(READOUT_UNITS, dtype="float32", name=name, **kwargs)
