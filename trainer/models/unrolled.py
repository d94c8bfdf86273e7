"""An LSTM for short sequences on a CPU: Keras's layer, computed with fewer and larger products."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import PACKAGE, ops

# The settings of a cell that change how a step is computed.
COMPUTED = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout")


@keras.saving.register_keras_serializable(PACKAGE)
class UnrolledLSTM(keras.layers.LSTM):
    """``keras.layers.LSTM(unroll=True)`` with its default settings: the same weights and the same results.

    The inputs of all steps, and of all repeats of a step, are multiplied by the kernel at once. The first step is not
    multiplied by the recurrent kernel, because the state is zero there unless one is given. Masks, dropout and other
    activations are refused; Keras's layer has them.

    Args:
      units: Units of the state and of each output.
      repeats: How often each step of the input is read. With 1, this is the plain layer. With n and an input
        [examples, 1, units], it is that layer after a ``RepeatVector(n)``.

    Returns:
      [examples, steps * repeats, units] with ``return_sequences``, in the order in which they were computed;
      otherwise the last of them, [examples, units].

    Raises:
      ValueError: A setting is one that only Keras's layer has.
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
    """Makes an LSTM layer: unrolled, or Keras's own, which uses cuDNN where it can."""
    return UnrolledLSTM(units, **kwargs) if unroll else keras.layers.LSTM(units, use_cudnn=use_cudnn, **kwargs)


def lstm_step(gates: Any, carry: Any) -> tuple[Any, Any]:
    """Computes the state after a step, hidden and carry, [examples, units] each.

    Args:
      gates: [examples, 4 * units], before the activations.
      carry: The carry before the step, float32; None for zeros.
    """
    parts: Any = ops.split(gates, 4, axis=1)
    into, kept, new, out = parts
    # The carry sums over steps, for which the 8 bits of a bfloat16 are too few.
    added = ops.cast(ops.multiply(ops.sigmoid(into), ops.tanh(new)), "float32")
    carry = added if carry is None else ops.add(ops.multiply(ops.sigmoid(kept), carry), added)
    return ops.cast(ops.multiply(ops.sigmoid(out), ops.tanh(carry)), gates.dtype), carry
