"""The LSTM of short sequences on a CPU: Keras's layer, computed with fewer and larger products."""

from typing import Any

import keras
from keras import ops

from seq2seq_arith.trainer.models.layers import PACKAGE

# What of a cell's configuration changes how a step is computed.
COMPUTED = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout")


@keras.saving.register_keras_serializable(PACKAGE)
class UnrolledLSTM(keras.layers.LSTM):
    """``keras.layers.LSTM(unroll=True)`` as it is by default: the same weights and the same results.

    What the inputs add to the gates is one product for all steps, and for all repeats of a step; the first step
    has no product with the state, which is zero unless one is given. All else, from masks and dropout to other
    activations, is left to Keras's layer.

    Args:
      units: Of the state and of each output.
      repeats: How often each step of the input is read: with 1, this is the plain layer; with n, it is that layer
        after a ``RepeatVector(n)``, given [examples, 1, units].

    Returns:
      [examples, steps * repeats, units] with ``return_sequences``, in the order in which they were computed;
      otherwise the last of them, [examples, units].

    Raises:
      ValueError: It is asked for what is left to Keras's layer.
    """

    def __init__(self, units: int, repeats: int = 1, **kwargs: Any) -> None:
        super().__init__(units, **{**kwargs, "unroll": True})
        self.repeats = repeats
        own, plain = self.cell.get_config(), keras.layers.LSTMCell(units).get_config()
        other = [name for name in COMPUTED if own[name] != plain[name]]
        other += [name for name in ("return_state", "stateful") if getattr(self, name)]
        if other:
            raise ValueError(f"UnrolledLSTM has no {', '.join(other)} of its own; use keras.layers.LSTM")

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if mask is not None:
            raise ValueError("UnrolledLSTM takes no mask; use keras.layers.LSTM")
        cell: Any = self.cell
        inputs: Any = ops.unstack(ops.add(ops.matmul(sequences, cell.kernel), cell.bias), sequences.shape[1], axis=1)
        ordered = reversed(inputs) if self.go_backwards else inputs
        hidden, carry = initial_state or (None, None)
        outputs = []
        for gates in (step for step in ordered for _ in range(self.repeats)):
            if hidden is not None:
                gates = ops.add(gates, ops.matmul(hidden, cell.recurrent_kernel))
            hidden, carry = lstm_step(gates, carry)
            outputs.append(hidden)
        return ops.stack(outputs, axis=1) if self.return_sequences else hidden

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        examples, steps, _ = sequences_shape
        return (examples, steps * self.repeats, self.units) if self.return_sequences else (examples, self.units)

    def get_config(self):
        return super().get_config() | {"repeats": self.repeats}


def lstm(units: int, *, unroll: bool, use_cudnn: Any = "auto", **kwargs: Any) -> keras.layers.LSTM:
    """The LSTM layer for where it runs: written out, or Keras's own, which takes cuDNN where it may."""
    return UnrolledLSTM(units, **kwargs) if unroll else keras.layers.LSTM(units, use_cudnn=use_cudnn, **kwargs)


def lstm_step(gates: Any, carry: Any) -> tuple[Any, Any]:
    """The state after a step: hidden and carry, [examples, units] each, of gates [examples, 4 * units].

    A carry of None stands for zeros.
    """
    parts: Any = ops.split(gates, 4, axis=1)
    into, kept, new, out = parts
    added = ops.multiply(ops.sigmoid(into), ops.tanh(new))
    carry = added if carry is None else ops.add(ops.multiply(ops.sigmoid(kept), carry), added)
    return ops.multiply(ops.sigmoid(out), ops.tanh(carry)), carry
