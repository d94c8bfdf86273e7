"""Floor 3: trains models on the datasets, evaluates them, and exports them.

Importing this package is cheap; the modules that need TensorFlow import it themselves.
"""

from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.recipes import recipe

__all__ = ["ModelConfig", "TrainConfig", "recipe"]
