"""Recurrent networks: the notebook's encoder-decoder, and the taggers."""

from collections.abc import Callable
from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import Flip, OneHot, PairEmbedding
from seq2seq_arith.trainer.models.unrolled import UnrolledLSTM, lstm

CELLS = {"lstm": lstm, "gru": keras.layers.GRU, "simple_rnn": keras.layers.SimpleRNN}
PAIR_UNITS = 64


def encoder_decoder(
    ids: keras.KerasTensor, *, cell: str, hidden: int, layers: int, steps: int, depth: int, **options
) -> keras.KerasTensor:
    """The notebook's network: the encoder's last state, repeated, read by ``layers`` decoder layers.

    Args:
      ids: [examples, question steps] or [examples, question steps, channels].
      cell: A key of ``CELLS``.
      hidden: Units of each layer.
      layers: Layers of the decoder.
      steps: Of the answer.
      depth: Characters of the alphabet.
      **options: For the recurrent layers (``unroll``, ``use_cudnn``).

    Returns:
      Logits, [examples, steps, depth].
    """
    layer = CELLS[cell]
    options = _options_of(cell, options)
    state = layer(hidden, name="encoder", **options)(OneHot(depth)(ids))
    sequence = _first_of_decoder(cell, hidden, steps, options)(state)
    for number in range(1, layers):
        sequence = layer(hidden, return_sequences=True, name=f"decoder_{number}", **options)(sequence)
    return keras.layers.Dense(depth, dtype="float32", name="logits")(sequence)


def tagger(ids: keras.KerasTensor, *, directions: str, hidden: int, depth: int, **options) -> keras.KerasTensor:
    """LSTM layers that write one character a step; question and answer have the same number of steps.

    Args:
      directions: A letter a layer: ``f`` for forward, ``b`` for backward (in turn: Zhou, Xu, "End-to-end Learning of
        Semantic Role Labeling Using RNNs", ACL 2015), ``d`` for both side by side (Huang, Xu, Yu, "Bidirectional
        LSTM-CRF Models for Sequence Tagging", 2015, without its CRF).

    Where a step has more than two channels, their pairs are embedded and summed. The other arguments, and the
    result, as in ``encoder_decoder``.
    """
    pairs = len(ids.shape) == 3 and ids.shape[2] > 2
    sequence = PairEmbedding(depth, PAIR_UNITS)(ids) if pairs else OneHot(depth)(ids)
    for number, direction in enumerate(directions):
        name, backwards = f"layer_{number}", direction == "b"
        layer = lstm(hidden, return_sequences=True, go_backwards=backwards, name=name, **options)
        sequence = (keras.layers.Bidirectional(layer) if direction == "d" else layer)(sequence)
        if backwards:
            sequence = Flip(name=f"flip_{number}")(sequence)
    return keras.layers.Dense(depth, dtype="float32", name="logits")(sequence)


def _first_of_decoder(cell: str, hidden: int, steps: int, options: dict) -> Callable[[Any], Any]:
    """The layer that reads a vector, [examples, units], ``steps`` times."""
    options = options | {"return_sequences": True, "name": "decoder_0"}
    if cell == "lstm" and options["unroll"]:
        # It repeats the vector itself, and so multiplies it once.
        layer = UnrolledLSTM(hidden, repeats=steps, **options)
        return lambda state: layer(keras.layers.Reshape((1, hidden))(state))
    return lambda state: CELLS[cell](hidden, **options)(keras.layers.RepeatVector(steps)(state))


def _options_of(cell: str, options: dict) -> dict:
    # SimpleRNN has no cuDNN kernel and so takes no use_cudnn.
    return {key: value for key, value in options.items() if key != "use_cudnn" or cell != "simple_rnn"}
