"""``--version`` of both programs: the versions of the program, of Python, and of the packages that matter.

They are read from what pip has installed. So nothing is imported, and the answer comes at once.
"""

import argparse
import importlib.metadata
import platform
from collections.abc import Sequence
from typing import Any

from seq2seq_arith import __version__

# Names for people, and the names of the packages on PyPI; any of them is enough.
PACKAGES = {
    "Apache Beam": ("apache-beam",),
    "TensorFlow Datasets": ("tensorflow-datasets",),
    "PyArrow": ("pyarrow",),
    "NumPy": ("numpy",),
    "TensorFlow": ("tensorflow", "tensorflow-cpu"),
    "Keras": ("keras",),
}


class ShowVersions(argparse.Action):
    """Prints the versions and ends the program."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="show the versions of the packages and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{parser.prog} {__version__}\n{versions()}")
        parser.exit()


def versions() -> str:
    """The versions of Python and of the packages, one per line."""
    found = {"Python": platform.python_version()}
    found |= {name: installed(*each) or "not installed" for name, each in PACKAGES.items()}
    width = max(map(len, found))
    return "\n".join(f"  {name:<{width}}  {version}" for name, version in found.items())


def installed(*packages: str) -> str | None:
    """The version of the first of these packages that is installed; None if none is."""
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
