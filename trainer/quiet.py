"""TensorFlow, imported without the lines that it logs.

A module of its own, because commands and the Python API import it before TensorFlow.
"""

import os

from seq2seq_arith.base import packages


def require_tensorflow() -> None:
    """Raises InputError if TensorFlow or Keras is not installed; neither is imported."""
    for module in ("tensorflow", "keras"):
        packages.require("arith-model", module, "train")


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras, and lets them log nothing, now and later; errors are raised as always.

    TensorFlow writes to file descriptor 2 before it reads any log level, so no setting of its own prevents that.

    Raises InputError if one of them is not installed.
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
