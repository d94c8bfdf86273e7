"""The named recipes, as data: how each task is trained when the user says nothing more."""

import dataclasses
from types import MappingProxyType

from seq2seq_arith.pipelines import OPERATIONS
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, check_choice

# hidden 128, one layer, batch 128, Adam 1e-3, up to 50 epochs, patience 3: the defaults are the notebook's.
_NOTEBOOK = TrainConfig(patience=3)

_ADDITION = TrainConfig(
    model=ModelConfig(name="lstm_tagger", view="aligned", hidden=64, layers=2),
    epochs=8,
    learning_rate=5e-3,
    schedule="cosine",
    warmup=0.05,
    clip_norm=1.0,
)
# The sign of a difference must travel from its most significant digit back to the least.
_SUBTRACTION = TrainConfig(
    model=ModelConfig(name="bilstm_tagger", view="aligned", hidden=64, layers=3),
    epochs=11,
    learning_rate=6e-3,
    schedule="cosine",
    warmup=0.03,
    weight_decay=0.02,
    clip_norm=1.0,
)
_MULTIPLICATION = TrainConfig(
    model=ModelConfig(name="returning_tagger", view="crossed", hidden=128, layers=3),
    epochs=14,
    learning_rate=5e-3,
    schedule="cosine",
    warmup=0.04,
    weight_decay=0.05,
    clip_norm=1.0,
)
_PQ = TrainConfig(
    model=ModelConfig(name="convolution", view="raw", hidden=32),
    epochs=5,
    steps_per_epoch=100,
    batch_size=32,
    learning_rate=3e-2,
    schedule="cosine",
    warmup=0.04,
    clip_norm=1.0,
)
# No unit counts at first; after these steps 3 to 8 of them count the dashes, exactly.
_PQ_COUNTER = TrainConfig(
    model=ModelConfig(name="counter", view="raw", hidden=128),
    epochs=3,
    steps_per_epoch=100,
    batch_size=16,
    learning_rate=1e-2,
    schedule="cosine",
    warmup=0.04,
    clip_norm=1.0,
)
# The smallest state that adds: with more units it learns lengths by heart.
_LENGTHS = TrainConfig(
    model=ModelConfig(name="lstm_tagger", view="aligned", hidden=24, layers=1),
    epochs=8,
    learning_rate=1e-2,
    schedule="cosine",
    warmup=0.04,
    clip_norm=1.0,
)

_RAW = TrainConfig(
    model=ModelConfig(name="transformer", view="raw", hidden=64, layers=2),
    epochs=10,
    batch_size=256,
    learning_rate=4e-3,
    schedule="cosine",
    warmup=0.1,
    weight_decay=0.1,
    clip_norm=1.0,
)
# Written from its end, a difference needs no look ahead for its borrows.
_RAW_BACKWARD = dataclasses.replace(
    _RAW, model=ModelConfig(name="transformer", view="backward", hidden=64, layers=1), epochs=15
)

# Recipe to what it says of a task; a task that is not named goes by its notation.
RECIPES: MappingProxyType[str, dict[str, TrainConfig]] = MappingProxyType(
    {
        "best": {"addition": _ADDITION, "multiplication": _MULTIPLICATION, "decimal": _SUBTRACTION, "dashes": _PQ},
        "notebook": {"decimal": _NOTEBOOK, "dashes": _NOTEBOOK},
        "raw": {"addition": _RAW, "decimal": _RAW_BACKWARD, "dashes": _PQ_COUNTER},
        "lengths": {"decimal": _LENGTHS, "dashes": _PQ_COUNTER},
    }
)


def recipe(name: str, task_name: str) -> TrainConfig:
    """The named recipe for a task.

    Raises:
      InputError: There is no such recipe.
    """
    check_choice("recipe", name, tuple(RECIPES))
    return RECIPES[name].get(task_name) or RECIPES[name][OPERATIONS[task_name].notation]
