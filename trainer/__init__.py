"""Layer 3: trains models on the datasets, evaluates them, and exports them.

Importing this package is cheap; modules that need TensorFlow import it themselves.
"""

from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.recipes import recipe, recipe_data

__all__ = ["ModelConfig", "TrainConfig", "recipe", "recipe_data"]
