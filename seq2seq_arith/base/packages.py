"""Packages that not every installation has, because an extra of ours brings them."""

import importlib.util

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import as_command, python_as_typed


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
    return as_command([python_as_typed(), "-m", "pip", "install", f"seq2seq_arith[{extra}]"])


def require(what: str, module: str, extra: str) -> None:
    """Makes sure that a module can be imported.

    Raises:
      InputError: It is not installed. The message says what needs it, and which extra brings it.
    """
    if not is_installed(module):
        raise InputError(f"{what} needs {module}, which is not installed: {install_command(extra)}")
