"""The places of the package's modules in the checkout, and the modules that are commands of a program."""

from pathlib import Path

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
