"""Models that are not part of this package: in a file, or in another package.

``--model nets.py:adder`` is the function ``adder`` of the file ``nets.py``, and ``--model my_nets.models:adder`` that
of an installed package. The function is given a ``Spec`` (``trainer/models/spec.py``) and returns a Keras model, or a
``Network``. Its code runs only if a person names it, on the command line, in Python, or in the file of a sweep: never
because a run's folder names it.

An installed package may also give its models names, which are then like those of this package and run without that: as
entry points of the group ``seq2seq_arith.models``.
"""

import functools
import hashlib
import importlib
import re
import sys
import traceback
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded

GROUP = "seq2seq_arith.models"
# The plug-ins that may run, because a person named them.
_allowed: set[str] = set()


def is_plugin(name: str) -> bool:
    """Whether a model's name is a place of code: ``FILE.py:FUNCTION`` or ``package.module:function``."""
    return ":" in name


def allow(name: str | None) -> None:
    """Notes that a person named a plug-in, so that its code may run. Nothing is done for any other name."""
    if name is not None and is_plugin(name):
        _allowed.add(absolute(name))


@functools.cache
def installed() -> dict[str, EntryPoint]:
    """The models of other installed packages, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def sha256(name: str) -> str | None:
    """The sha256 of a plug-in's file; None if it is not in a file of its own.

    Raises:
      InputError: The file cannot be read.
    """
    file = file_of(name)
    return None if file is None else hashlib.sha256(_read(name, file)).hexdigest()


def _read(name: str, file: Path) -> bytes:
    """The content of a plug-in's file."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"model is {name!r}, and {file} cannot be read ({error.strerror}); give FILE.py:FUNCTION"
        ) from None


def absolute(name: str) -> str:
    """A plug-in's name with the absolute path of its file, so that it is the same from every folder."""
    file = file_of(name)
    return name if file is None else f"{file.absolute()}:{name.rpartition(':')[2]}"


def load(name: str, known: str | None = None) -> Any:
    """The function of a plug-in.

    Args:
      name: Its absolute name, or that of an entry point.
      known: The sha256 that its file must have; None if that does not matter.

    Raises:
      InputError: Nobody named it, it is not there, it has changed, or its module fails; the sentence then has the file
        and the line.
    """
    if point := installed().get(name):
        try:
            return point.load()
        except Exception as error:
            raise InputError(f"model {name!r} is {point.value}, and its code fails: {where(error, None)}") from None
    place, _, function = name.rpartition(":")
    file = file_of(name)
    if name not in _allowed:
        raise InputError(
            f"this run's model is the code {name}, which runs only if you name it; if you trust it, add: --model {name}"
        )
    source = b"" if file is None else _read(name, file)
    if known is not None and hashlib.sha256(source).hexdigest() != known:
        raise InputError(
            f"{file} has changed since this run was trained with it; give the file as it was, or train anew in another "
            "--run-dir"
        )
    try:
        module = importlib.import_module(place) if file is None else _module(file, source)
    except Exception as error:
        raise InputError(f"model is {name!r}, and its code fails: {where(error, file)}") from None
    found = getattr(module, function, None)
    if not callable(found):
        functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise InputError(
            f"model is {name!r}, and {place} has no function {function!r}; it has {', '.join(functions) or 'none'}"
        )
    return found


def where(error: BaseException, file: Path | None) -> str:
    """An error in one line, with the last line of the file that it passed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if file and Path(frame.filename) == file]
    # Keras says first which layer failed. Why stands at the end of what it prints in bold type.
    bold = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
    said = (bold[1].strip().splitlines()[::-1] if bold else str(error).strip().splitlines()) or ["no reason given"]
    reason = f"{type(error).__name__}: {said[0]}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {reason}" if frames else reason


def file_of(name: str) -> Path | None:
    """The file of a plug-in; None if it is in a package."""
    place = name.rpartition(":")[0]
    return expanded(place).absolute() if place.endswith(".py") else None


def _module(file: Path, source: bytes) -> ModuleType:
    """The module of a file with this content, run once; under a name of its own, so that it hides no other module."""
    name = f"seq2seq_arith_plugin_{hashlib.sha256(str(file).encode() + source).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(file)
    # Keras finds the classes of a module there when it opens a model.
    sys.modules[name] = module
    try:
        exec(compile(source, str(file), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module
