"""The places of the package's modules in the checkout, and the modules that are commands of a program."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "seq2seq_arith"
LAYERS = ("pipelines", "datasets", "trainer")


def modules() -> dict[str, Path]:
    """Every module with its file, by its name below the root package: ``pipelines.steps.dedup``. The root is ``""``."""
    found = {}
    for layer in ("", *LAYERS):  # links to the layers, which are not followed, stand in the root package
        folder = ROOT / PACKAGE / layer
        for file in folder.rglob("*.py"):
            parts = (layer, *file.relative_to(folder).with_suffix("").parts)
            found[".".join(part for part in parts if part not in ("", "__init__"))] = file
    return found


def names_of(commands: ModuleType) -> list[str]:
    """The commands of a program, by name: the modules of this package that have a ``run``."""
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    return [name for name in names if hasattr(importlib.import_module(f"{commands.__name__}.{name}"), "run")]
