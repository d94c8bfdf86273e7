"""The export for ONNX: ``model.onnx``, which tf2onnx converts."""

from typing import Any

import numpy as np

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.export.code_points import Codes
from seq2seq_arith.trainer.models.network import Network

MODEL = "model.onnx"
OPSET = 18  # the first with bitwise operations, which some input formats hash with


def convert(network: Network, input_format: InputFormat) -> bytes:
    """The content of an ONNX file, with the input and the outputs of ``Codes.answer``.

    Raises InputError if the extra ``onnx`` is not installed, or the network has an operation that tf2onnx lacks.
    """
    packages.require("arith-model export --onnx", "tf2onnx", "onnx")
    import tf2onnx

    codes = Codes(network, input_format.with_ids(np.int32))  # as for LiteRT
    try:
        model, _ = tf2onnx.convert.from_function(
            codes.answer, codes.answer.input_signature, opset=OPSET, custom_op_handlers={"Erfc": (_convert_erfc, [])}
        )
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"the network cannot be converted to ONNX ({reason}); export it without --onnx") from None
    return model.SerializeToString()


def _convert_erfc(graph: Any, node: Any, name: str, arguments: list) -> None:
    """Replaces a node by 1 - erf(x), because tf2onnx 1.17 does not convert erfc, of which Keras makes its GELU."""
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    source = node.input[0]
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [source], shapes=shapes, dtypes=dtypes)
    one = graph.make_const(f"{name}_one", np.float32(1))
    graph.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=outputs, shapes=shapes, dtypes=dtypes)
