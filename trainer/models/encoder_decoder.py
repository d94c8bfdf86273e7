"""The notebook's encoder-decoder, of LSTMs, gated recurrent units or plain ones."""

from collections.abc import Callable
from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import OneHot
from seq2seq_arith.trainer.models.recurrent.lstm import lstm, repeating_lstm
from seq2seq_arith.trainer.models.spec import Spec


def lstm_encoder_decoder(spec: Spec) -> keras.Model:
    """The encoder-decoder of LSTMs."""
    return _encoder_decoder(lstm, _lstm_repeater, spec, spec.recurrent)


def gru_encoder_decoder(spec: Spec) -> keras.Model:
    """The encoder-decoder of gated recurrent units."""
    return _encoder_decoder(keras.layers.GRU, _repeater, spec, spec.recurrent)


def simple_rnn_encoder_decoder(spec: Spec) -> keras.Model:
    """The encoder-decoder of plain recurrent units, which have no cuDNN kernel and so take no ``use_cudnn``."""
    options = {key: value for key, value in spec.recurrent.items() if key != "use_cudnn"}
    return _encoder_decoder(keras.layers.SimpleRNN, _repeater, spec, options)


def _encoder_decoder(layer: Callable[..., Any], repeater: Callable[..., Any], spec: Spec, options: dict) -> keras.Model:
    """The encoder's last state, repeated, read by ``spec.layers`` decoder layers.

    Args:
      layer: Makes a recurrent layer.
      repeater: Makes the first decoder layer, which repeats a vector.
      spec: The sizes.
      options: Keywords of the recurrent layers.
    """
    ids = spec.question()
    state = layer(spec.hidden, name="encoder", **options)(OneHot(spec.depth)(ids))
    first = {**options, "return_sequences": True, "name": "decoder_0"}
    sequence = repeater(layer, state, spec, first)
    for number in range(1, spec.layers):
        sequence = layer(spec.hidden, return_sequences=True, name=f"decoder_{number}", **options)(sequence)
    logits = keras.layers.Dense(spec.depth, dtype="float32", name="logits")(sequence)
    return keras.Model(ids, logits, name=spec.name)


def _repeater(layer: Callable[..., Any], state: Any, spec: Spec, options: dict) -> Any:
    """A layer that reads a vector, [examples, units], ``spec.steps`` times."""
    return layer(spec.hidden, **options)(keras.layers.RepeatVector(spec.steps)(state))


def _lstm_repeater(layer: Callable[..., Any], state: Any, spec: Spec, options: dict) -> Any:
    """The same of an LSTM."""
    return repeating_lstm(spec.hidden, state, spec.steps, **options)
