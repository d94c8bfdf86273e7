"""The versions of installed packages, without importing them, and ``--version`` of both programs."""

import argparse
import importlib.util
import json
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import as_typed
from seq2seq_arith.base.version import __version__

DISTRIBUTION = "seq2seq_arith"
# Names for people, and the names of the packages on PyPI; any of them is enough.
PACKAGES = {
    "Apache Beam": ("apache-beam",),
    "TensorFlow Datasets": ("tensorflow-datasets",),
    "PyArrow": ("pyarrow",),
    "NumPy": ("numpy",),
    "TensorFlow": ("tensorflow", "tensorflow-cpu"),
    "Keras": ("keras",),
}
# The newest Python 3 for which these modules have a release: the markers of pyproject.toml.
NEWEST_PYTHON = {"tensorflow": 13, "keras": 13}


def is_installed(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra for the running Python, as a person types it.

    This package is on no index. So the command names its source: the folder of the checkout, as ``.`` in that folder;
    or the wheel or the URL from which it was installed. If the source is unknown or was removed, the command names the
    packages of the extra.
    """
    return shlex.join([as_typed(), "-m", "pip", "install", *_with_extra(extra)])


def _with_extra(extra: str) -> list[str]:
    """The arguments of ``pip install`` for this package with an extra, or for the packages of the extra."""
    import importlib.metadata  # 10 ms, and few commands need it

    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except importlib.metadata.PackageNotFoundError:  # imported from a checkout that is not installed
        return ["--editable", _folder(Path(__file__).resolve().parents[2], extra)]
    url, version_control = origin.get("url", ""), origin.get("vcs_info")
    if version_control:
        return [f"{DISTRIBUTION}[{extra}] @ {version_control['vcs']}+{url}@{version_control['commit_id']}"]
    if url and not url.startswith("file:"):
        return [f"{DISTRIBUTION}[{extra}] @ {url}"]
    source = Path(unquote(urlsplit(url).path))
    if url and source.exists():
        return [*["--editable"] * origin.get("dir_info", {}).get("editable", False), _folder(source, extra)]
    requirements = (requirement.split(";") for requirement in distribution.requires or ())
    return [name.strip() for name, *marker in requirements if f'extra == "{extra}"' in "".join(marker)]


def _folder(source: Path, extra: str) -> str:
    """A folder, or a wheel, with an extra, as pip takes it.

    >>> _folder(Path.cwd(), "train")
    '.[train]'
    """
    return f"{'.' if source == Path.cwd() else source}[{extra}]"


def require(feature: str, module: str, extra: str) -> None:
    """Raises InputError if a module that a feature needs cannot be imported."""
    if not is_installed(module):
        newest = NEWEST_PYTHON.get(module, sys.version_info.minor)
        if newest < sys.version_info.minor:
            raise InputError(
                f"{feature} needs {module}, which has no release for Python 3.{sys.version_info.minor}; "
                f"install this package with Python 3.{newest}"
            )
        raise InputError(f"{feature} needs {module}, which is not installed: {install_command(extra)}")


class ShowVersions(argparse.Action):
    """Prints the versions and ends the program."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="show the versions of the packages and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{parser.prog} {__version__}\n{versions()}", flush=True)
        parser.exit()


def versions() -> str:
    """The versions of Python and of the packages, one per line."""
    by_name = {"Python": platform.python_version()}
    by_name |= {name: installed(*packages) or "not installed" for name, packages in PACKAGES.items()}
    width = max(map(len, by_name))
    return "\n".join(f"  {name:<{width}}  {version}" for name, version in by_name.items())


def installed(*packages: str) -> str | None:
    """The version of the first installed one of these packages; None if none is installed."""
    import importlib.metadata  # 10 ms, and few commands need it

    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
