"""The export for LiteRT (TensorFlow Lite): ``model.tflite``."""

import numpy as np
import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.export.code_points import Codes
from seq2seq_arith.trainer.models.network import Network

MODEL = "model.tflite"


def convert(network: Network, input_format: InputFormat) -> bytes:
    """The content of a LiteRT file, whose only signature is that of ``Codes.answer``.

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
