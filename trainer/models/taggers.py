"""The taggers: LSTM layers that write one answer character per question step.

The directions of their layers, for three layers::

    lstm_tagger           forward         forward          forward
    bilstm_tagger         both ways       both ways        both ways
    alternating_tagger    forward         backward         forward
    returning_tagger      forward         forward          backward
"""

from collections.abc import Callable

import keras

from seq2seq_arith.trainer.models.layers import Flip, OneHot, PairEmbedding
from seq2seq_arith.trainer.models.recurrent.lstm import lstm
from seq2seq_arith.trainer.models.spec import Spec

PAIR_UNITS = 64
FORWARD, BACKWARD, BOTH = "f", "b", "d"
# From the number of layers to the direction of each; the registry has the order of each tagger.
ORDERS: dict[str, Callable[[int], str]] = {
    "forward": lambda layers: FORWARD * layers,
    "both ways": lambda layers: BOTH * layers,
    "in turn": lambda layers: ((FORWARD + BACKWARD) * layers)[:layers],
    "back at last": lambda layers: FORWARD * (layers - 1) + BACKWARD,
}


def characters(ids: keras.KerasTensor, spec: Spec) -> keras.KerasTensor:
    """The characters of each step, one-hot; where a step has several pairs, they are embedded and summed."""
    pairs = len(ids.shape) == 3 and ids.shape[2] > 2
    return PairEmbedding(spec.depth, PAIR_UNITS, name="pairs")(ids) if pairs else OneHot(spec.depth)(ids)


def lstm_tagger(spec: Spec) -> keras.Model:
    """A tagger that never looks ahead."""
    return _tagger(spec, ORDERS["forward"](spec.layers))


def bilstm_tagger(spec: Spec) -> keras.Model:
    """A tagger whose layers run in both directions side by side.

    See Huang, Xu, Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015; here without the CRF.
    """
    return _tagger(spec, ORDERS["both ways"](spec.layers))


def alternating_tagger(spec: Spec) -> keras.Model:
    """A tagger whose layers run forward and backward in turn.

    See Zhou, Xu, "End-to-end Learning of Semantic Role Labeling Using RNNs", ACL 2015.
    """
    return _tagger(spec, ORDERS["in turn"](spec.layers))


def returning_tagger(spec: Spec) -> keras.Model:
    """A tagger whose last layer runs backward, and all others forward."""
    return _tagger(spec, ORDERS["back at last"](spec.layers))


def _tagger(spec: Spec, directions: str) -> keras.Model:
    """One LSTM layer per letter of ``directions``.

    Args:
      spec: The sizes.
      directions: ``FORWARD``, ``BACKWARD`` or ``BOTH`` per layer.
    """
    ids = spec.question()
    sequence = characters(ids, spec)
    for number, direction in enumerate(directions):
        name, backwards = f"layer_{number}", direction == BACKWARD
        layer = lstm(spec.hidden, return_sequences=True, go_backwards=backwards, name=name, **spec.recurrent)
        if direction == BOTH:
            layer = keras.layers.Bidirectional(layer, name=f"both_{number}")
        sequence = layer(sequence)
        if backwards:
            sequence = Flip(name=f"flip_{number}")(sequence)
    logits = keras.layers.Dense(spec.depth, dtype="float32", name="logits")(sequence)
    return keras.Model(ids, logits, name=spec.name)
