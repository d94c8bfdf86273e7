"""TensorFlow, imported without the lines that it logs; commands and the Python API import this before it."""

import os
import sys

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError


def require_tensorflow() -> None:
    """Raises InputError unless TensorFlow and Keras are installed and compatible; neither is imported."""
    for module in ("tensorflow", "keras"):
        packages.require("arith-model", module, "train")
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if "keras" in sys.modules:
        backend = sys.modules["keras"].config.backend()
    if backend != "tensorflow":
        raise InputError(
            f"Keras's backend is {backend}, and this package needs tensorflow; unset KERAS_BACKEND and start again"
        )


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras, and lets them log nothing, now and later; errors are raised as always.

    TensorFlow writes to file descriptor 2 before it reads any log level, so no setting of its own prevents that.
    """
    require_tensorflow()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
    tf.get_logger().setLevel("ERROR")
