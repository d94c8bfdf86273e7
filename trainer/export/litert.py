"""The export for LiteRT (TensorFlow Lite): ``model.tflite``, and ``answer.py``, which answers strings by it.

The network in the file reads and writes code points, and contains its input format. So ``answer.py``, which needs only
NumPy besides the interpreter, is the same for all input formats.
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.models.network import Network

MODEL, ANSWER = "model.tflite", "answer.py"
SOURCE = Path(__file__).parent / ANSWER


class Codes(tf.Module):
    """A network with its input format, from code points to code points."""

    def __init__(self, network: Network, input_format: InputFormat) -> None:
        super().__init__()
        self._weights = [weight.value for weight in network.model.variables]
        width = input_format.task.question_width

        @tf.function(input_signature=[tf.TensorSpec([None, width], tf.uint8, "question")])
        def answer(question: Any) -> dict[str, Any]:
            ids, confidence = network.answer(input_format.encode_question(question))
            return {"answer": input_format.decode_answer(tf.cast(ids, tf.int32)), "confidence": confidence}

        self.answer = answer


def convert(network: Network, input_format: InputFormat) -> bytes:
    """The content of a LiteRT file: from stored questions to stored answers and confidences.

    Its only signature has the input ``question``, uint8 [examples, question width], and the outputs ``answer``, uint8
    [examples, answer width], and ``confidence``, float32 [examples].

    Raises InputError if the network has an operation that LiteRT lacks.
    """
    codes = Codes(network, input_format.with_ids(np.int32))  # LiteRT compares no uint8
    converter = tf.lite.TFLiteConverter.from_concrete_functions([codes.answer.get_concrete_function()], codes)
    converter.experimental_enable_resource_variables = False  # the weights become constants
    try:
        return converter.convert()
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"the network cannot be converted to LiteRT ({reason}); export it without --litert") from None


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
