"""seq2seq_arith: arithmetic as a sequence-to-sequence task, from exact datasets to trained models.

Importing this package is cheap: a public name imports its module when it is first used (PEP 562).

>>> import seq2seq_arith
>>> seq2seq_arith.Task("addition", size=5).config_name
'addition-d5'
"""

import importlib
from typing import TYPE_CHECKING

from seq2seq_arith.base.version import __version__

if TYPE_CHECKING:
    from seq2seq_arith.arithmetic.operations import OPERATIONS
    from seq2seq_arith.arithmetic.task import Task
    from seq2seq_arith.base.errors import InputError, RunError
    from seq2seq_arith.datasets import ArithConfig
    from seq2seq_arith.trainer.api.comparing import Playground, Suite, compare, playground, suite
    from seq2seq_arith.trainer.api.dataset import Dataset, generate, load
    from seq2seq_arith.trainer.api.trained_run import TrainedRun, open_run, plot_history, pretrained
    from seq2seq_arith.trainer.api.training import train
    from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
    from seq2seq_arith.trainer.drawing import Picture
    from seq2seq_arith.trainer.recipes import recipe, recipe_data

# The public names of each module.
_NAMES = {
    "arithmetic.operations": ("OPERATIONS",),
    "arithmetic.task": ("Task",),
    "base.errors": ("InputError", "RunError"),
    "datasets": ("ArithConfig",),
    "trainer.api.comparing": ("Playground", "Suite", "compare", "playground", "suite"),
    "trainer.api.dataset": ("Dataset", "generate", "load"),
    "trainer.api.trained_run": ("TrainedRun", "open_run", "plot_history", "pretrained"),
    "trainer.api.training": ("train",),
    "trainer.config": ("ModelConfig", "TrainConfig"),
    "trainer.drawing": ("Picture",),
    "trainer.recipes": ("recipe", "recipe_data"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = [
    "OPERATIONS", "ArithConfig", "Dataset", "InputError", "ModelConfig", "Picture", "Playground", "RunError", "Suite",
    "Task", "TrainConfig", "TrainedRun", "__version__", "compare", "generate", "load", "open_run", "playground",
    "plot_history", "pretrained", "recipe", "recipe_data", "suite", "train",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker would take every mistyped name for one that this finds

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
