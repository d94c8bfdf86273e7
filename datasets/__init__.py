"""The datasets in TensorFlow Datasets (TFDS). Importing this package registers ``seq2seq_arith`` with TFDS.

Neither TensorFlow nor Apache Beam is imported before a dataset is read or made.
"""

from seq2seq_arith.datasets.seq2seq_arith.config import ArithConfig
from seq2seq_arith.datasets.seq2seq_arith.seq2seq_arith_dataset_builder import Builder

__all__ = ["ArithConfig", "Builder"]
