"""The installed packages, from what pip has noted and without an import, and ``--version`` of both programs."""

import argparse
import importlib.util
import platform
import shlex
from collections.abc import Sequence
from typing import Any

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import as_typed
from seq2seq_arith.base.version import __version__

# Names for people, and the names of the packages on PyPI; any of them is enough.
PACKAGES = {
    "Apache Beam": ("apache-beam",),
    "TensorFlow Datasets": ("tensorflow-datasets",),
    "PyArrow": ("pyarrow",),
    "NumPy": ("numpy",),
    "TensorFlow": ("tensorflow", "tensorflow-cpu"),
    "Keras": ("keras",),
}


def is_installed(module: str) -> bool:
    """Whether a module could be imported; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is not there
        return False


def install_command(extra: str) -> str:
    """The command that installs an extra's packages for the Python that runs, as it is typed here.

    It takes nothing of that name from an index: this package is installed, and pip reads the extra from it. So it
    works in a checkout, too.
    """
    return shlex.join([as_typed(), "-m", "pip", "install", f"seq2seq_arith[{extra}]"])


def require(what: str, module: str, extra: str) -> None:
    """Makes sure that a module can be imported."""
    if not is_installed(module):
        raise InputError(f"{what} needs {module}, which is not installed: {install_command(extra)}")


class ShowVersions(argparse.Action):
    """Prints the versions and ends the program."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="show the versions of the packages and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{parser.prog} {__version__}\n{versions()}", flush=True)
        parser.exit()


def versions() -> str:
    """The versions of Python and of the packages, one per line."""
    found = {"Python": platform.python_version()}
    found |= {name: installed(*each) or "not installed" for name, each in PACKAGES.items()}
    width = max(map(len, found))
    return "\n".join(f"  {name:<{width}}  {version}" for name, version in found.items())


def installed(*packages: str) -> str | None:
    """The version of the first of these packages that is installed; None if none is."""
    import importlib.metadata  # 10 ms, and few commands need it

    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
