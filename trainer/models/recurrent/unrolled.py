"""An LSTM for short sequences on a CPU: Keras's layer, computed with fewer and larger products."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import PACKAGE, ops
from seq2seq_arith.trainer.models.recurrent.plain import PlainLSTM, lstm_step


@keras.saving.register_keras_serializable(PACKAGE)
class UnrolledLSTM(PlainLSTM):
    """``PlainLSTM`` as ``keras.layers.LSTM(unroll=True)`` computes it, without a loop in the graph.

    The inputs of all steps, and of all repeats of a step, are multiplied by the kernel at once. The first step is not
    multiplied by the recurrent kernel, because the state is zero there unless one is given.
    """

    def __init__(self, units: int, repeats: int = 1, **kwargs: Any) -> None:
        super().__init__(units, repeats, **{**kwargs, "unroll": True})

    def computed(self, sequences: Any, hidden: Any, carry: Any) -> Any:
        cell: Any = self.cell
        inputs: Any = ops.unstack(ops.add(ops.matmul(sequences, cell.kernel), cell.bias), sequences.shape[1], axis=1)
        ordered = reversed(inputs) if self.go_backwards else inputs
        outputs = []
        for gates in (step for step in ordered for _ in range(self.repeats)):
            if hidden is not None:
                gates = ops.add(gates, ops.matmul(hidden, cell.recurrent_kernel))
            hidden, carry = lstm_step(gates, carry)
            outputs.append(hidden)
        return ops.stack(outputs, axis=1) if self.return_sequences else hidden
