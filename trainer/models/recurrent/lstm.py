"""Which LSTM a network has: all of them have the same weights and compute the same."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.recurrent.checkpointed import CheckpointedLSTM
from seq2seq_arith.trainer.models.recurrent.unrolled import UnrolledLSTM


def lstm(units: int, *, unroll: bool, use_cudnn: Any = "auto", **kwargs: Any) -> keras.layers.LSTM:
    """Makes an LSTM layer: unrolled for short sequences, Keras's own for cuDNN, and otherwise one that saves memory."""
    if unroll:
        return UnrolledLSTM(units, **kwargs)
    if use_cudnn:
        return keras.layers.LSTM(units, use_cudnn=use_cudnn, **kwargs)
    return CheckpointedLSTM(units, **kwargs)


def repeating_lstm(units: int, vector: Any, repeats: int, **kwargs: Any) -> Any:
    """What an LSTM layer makes of a vector, [examples, units], that it reads ``repeats`` times.

    The layers of this folder repeat the vector themselves, and multiply it once.

    Args:
      units: Units of the layer.
      vector: What it reads.
      repeats: How often.
      **kwargs: Those of ``lstm``.
    """
    if kwargs["use_cudnn"] and not kwargs["unroll"]:
        return lstm(units, **kwargs)(keras.layers.RepeatVector(repeats)(vector))
    return lstm(units, repeats=repeats, **kwargs)(keras.layers.Reshape((1, vector.shape[1]))(vector))
