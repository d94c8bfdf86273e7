"""A network from code points to code points, which the exports for LiteRT and ONNX contain, and ``answer.py``.

The network contains its input format. So ``answer.py``, which needs only NumPy and a program that runs the network, is
the same for all input formats.
"""

from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.models.network import Network

ANSWER = "answer.py"
SOURCE = Path(__file__).parent / ANSWER


class Codes(tf.Module):
    """A network with its input format, from stored questions to stored answers and confidences.

    ``answer`` has the input ``question``, uint8 [examples, question width], and the outputs ``answer``, uint8
    [examples, answer width], and ``confidence``, float32 [examples].
    """

    def __init__(self, network: Network, input_format: InputFormat) -> None:
        super().__init__()
        self._weights = [weight.value for weight in network.model.variables]
        width = input_format.task.question_width

        @tf.function(input_signature=[tf.TensorSpec([None, width], tf.uint8, "question")])
        def answer(question: Any) -> dict[str, Any]:
            ids, confidence = network.answer(input_format.encode_question(question))
            return {"answer": input_format.decode_answer(tf.cast(ids, tf.int32)), "confidence": confidence}

        self.answer = answer


def question_strings(task: Task) -> dict[str, Any]:
    """What ``answer.py`` knows of a task's questions, for ``task.json``."""
    return {
        "operand": task.notation.operand,
        "symbol": task.operation.symbol,
        "arity": task.operation.arity,
        "operand_width": task.operand_width,
        "below": None if task.notation.has_lengths else task.size,
        "width": task.question_width,
        "reversed": task.reverse,
    }
