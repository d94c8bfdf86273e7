"""The places of the package's modules and of the examples in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "seq2seq_arith"
LAYERS = ("pipelines", "datasets", "trainer")
# The examples of code of one's own, as commands and functions name them.
OWN_TASKS, TIMES_DIGIT = ROOT / "examples/task/own_tasks.py", ROOT / "examples/times_digit.py"
OWN_MODEL, SMALL_ADDER = f"{ROOT}/examples/own_model.py:transformer", f"{ROOT}/examples/small_adder.py:small_adder"


def modules() -> dict[str, Path]:
    """Every module with its file, by its name below the root package: ``pipelines.steps.dedup``. The root is ``""``."""
    files = {}
    for layer in ("", *LAYERS):  # links to the layers, which are not followed, stand in the root package
        folder = ROOT / PACKAGE / layer
        for file in folder.rglob("*.py"):
            parts = (layer, *file.relative_to(folder).with_suffix("").parts)
            files[".".join(part for part in parts if part not in ("", "__init__"))] = file
    return files
