"""Whether a worker has the packages of the program that submits: what a shard's bytes depend on, and what runs them.

An engine with an image of its own would otherwise draw for hours, and then leave files that no other run makes. One
worker of a job is looked at, for all have the same image. No engine tells what is in an image before it has started it.
"""

import functools
import hashlib
import importlib.util
from collections.abc import Collection, Mapping
from pathlib import Path

from seq2seq_arith import __version__
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.packages import installed
from seq2seq_arith.pipelines.formats.layout import format_of

PROGRAM = "seq2seq_arith"
NONE = "none"
CODE = ("arithmetic", "base", "pipelines")  # the packages that workers run


def here(formats: Collection[str]) -> dict[str, str]:
    """The versions in this process of all that must be the same everywhere, by the package's name."""
    libraries = [format_of(name).library for name in formats]
    packages = ["apache-beam", *(library for library in libraries if library)]
    return {PROGRAM: f"{__version__} (code {code()})"} | {package: installed(package) or NONE for package in packages}


@functools.cache
def code() -> str:
    """Stands for the code that workers run, which changes between two versions: 12 hexadecimal digits."""
    found = hashlib.sha256()
    for package in CODE:
        (folder,) = map(Path, _locations(f"{PROGRAM}.{package}"))
        for path in sorted(folder.rglob("*.py")):
            content = path.read_bytes()
            found.update(f"{package} {path.relative_to(folder)} {len(content)}\n".encode() + content)
    return found.hexdigest()[:12]


def _locations(package: str) -> Collection[str]:
    """The folders of a package."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    return spec.submodule_search_locations or ()


def check(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compares the versions of the program that submitted a job with those of a worker.

    Raises:
      InputError: They differ.
    """
    for package, there in wanted.items():
        if (other := found.get(package, NONE)) != there:
            raise InputError(
                f"the workers have {package} {other}, and this program has {there}; give them the same, for example in "
                "an image that was built from the same checkout (docs/engines.md)"
            )
