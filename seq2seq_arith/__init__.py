"""seq2seq_arith: arithmetic as a sequence-to-sequence task, from exact datasets to trained models.

Importing this package is cheap: a public name imports its module when it is first used (PEP 562). Which names there are
stands in ``__init__.pyi``, the stub that type checkers read instead of this file.

>>> import seq2seq_arith
>>> seq2seq_arith.Task("addition", size=5).config_name
'addition-d5'
"""

import ast
import importlib
from pathlib import Path


def _modules_by_name() -> dict[str, str]:
    """The module of each public name, from the imports of the stub."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [statement for statement in stub.body if isinstance(statement, ast.ImportFrom)]
    return {alias.name: str(statement.module) for statement in imports for alias in statement.names}


_MODULES = _modules_by_name()
__all__ = sorted(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll]: it reads the stub


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
