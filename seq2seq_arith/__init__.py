"""seq2seq_arith: arithmetic as a sequence-to-sequence task, from exact datasets to trained models.

Importing this package is cheap: a public name imports its module when it is first used (PEP 562).

>>> import seq2seq_arith
>>> seq2seq_arith.Task("addition", digits=5).config_name
'addition-d5'
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq_arith.arithmetic.tasks import OPERATIONS, Task
    from seq2seq_arith.base.errors import InputError, RunError
    from seq2seq_arith.datasets import ArithConfig
    from seq2seq_arith.trainer import ModelConfig, TrainConfig, recipe, recipe_data

__version__ = "0.1.0"

_HOMES = {
    "ArithConfig": "seq2seq_arith.datasets",
    "InputError": "seq2seq_arith.base.errors",
    "ModelConfig": "seq2seq_arith.trainer",
    "OPERATIONS": "seq2seq_arith.arithmetic.tasks",
    "RunError": "seq2seq_arith.base.errors",
    "Task": "seq2seq_arith.arithmetic.tasks",
    "TrainConfig": "seq2seq_arith.trainer",
    "recipe": "seq2seq_arith.trainer",
    "recipe_data": "seq2seq_arith.trainer",
}
__all__ = [
    "OPERATIONS",
    "ArithConfig",
    "InputError",
    "ModelConfig",
    "RunError",
    "Task",
    "TrainConfig",
    "__version__",
    "recipe",
    "recipe_data",
]

# In a checkout the three layers stand beside this folder; an installed package has them inside. Beside an installed one
# is site-packages, where a folder called pipelines belongs to another project.
_FOLDER = Path(__file__).resolve().parent
if not (_FOLDER / "pipelines").is_dir() and (_FOLDER.parent / "setup.py").is_file():
    __path__.append(str(_FOLDER.parent))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
