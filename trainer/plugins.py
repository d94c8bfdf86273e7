"""Models and views that are not part of this package: in a file, or in another package.

``--model nets.py:adder`` is the function ``adder`` of the file ``nets.py``, and ``--model my_nets.models:adder`` that
of an installed package. The function is given a ``Spec`` (``trainer/models/spec.py``) and returns a Keras model, or a
``Network``. ``--view nets.py:Paired`` is likewise a class; it derives from ``View`` (``trainer/data/views.py``). Their
code runs only if a person names it, on the command line, in Python, or in the file of a sweep: never because a run's
folder names it.
"""

import contextlib
import dataclasses
import importlib
from pathlib import Path
from typing import Any

from seq2seq_arith.base import plugin_code, process
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.plugin_code import file_of, where


@dataclasses.dataclass(frozen=True)
class Kind:
    """What can be plugged in: its option, and whether it is a function or a class."""

    option: str
    what: str

    @property
    def form(self) -> str:
        """How one in a file is named."""
        return f"FILE.py:{self.what.upper()}"


MODEL = Kind("model", "function")
VIEW = Kind("view", "class")
KINDS = (MODEL, VIEW)


def is_plugin(name: str) -> bool:
    """Whether a name is a place of code: ``FILE.py:NAME`` or ``package.module:name``; InputError for a file alone."""
    if name.endswith(".py"):
        raise InputError(f"{name} is a file; give the name of its part, too, such as {name}:NAME")
    return ":" in name


def allow(*names: str | None) -> None:
    """Notes that a person named plug-ins, so that their code may run. Nothing is done for any other name."""
    process.current().plugins.update(absolute(name) for name in names if name is not None and is_plugin(name))


def found(name: str, known: str | None) -> str:
    """The name, or that of an allowed plug-in whose file has this sha256, if the file has moved since."""
    name = absolute(name)
    allowed = process.current().plugins
    for each in (name, *sorted(allowed)) if known else ():
        if each in allowed and each.endswith(f":{name.rpartition(':')[2]}"):
            with contextlib.suppress(InputError):  # it is gone, or cannot be read
                if sha256(each) == known:
                    return each
    return name


def sha256(name: str, kind: Kind = MODEL) -> str | None:
    """The sha256 of a plug-in's file, None if it has none of its own; raises InputError if it cannot be read."""
    file = file_of(name)
    return None if file is None else plugin_code.digest(_read(name, file, kind))


def _read(name: str, file: Path, kind: Kind) -> bytes:
    return plugin_code.read(file, f"{kind.option} is {name!r}", kind.form)


def absolute(name: str) -> str:
    """A plug-in's name with the absolute path of its file, so that it is the same from every folder."""
    file = file_of(name)
    return name if file is None else f"{file}:{name.rpartition(':')[2]}"


def relative(name: str) -> str:
    """The inverse of ``absolute`` for a file below the current folder; any other name stays as it is."""
    file = file_of(name)
    if file is None or not file.is_relative_to(Path.cwd()):
        return name
    return f"{file.relative_to(Path.cwd())}:{name.rpartition(':')[2]}"


def load(name: str, known: str | None = None, kind: Kind = MODEL) -> Any:
    """The function or class of a plug-in, by its absolute name.

    ``known`` is the sha256 that its file must have; None if that does not matter.

    Raises InputError if nobody named it, it is not there, it has changed, or its module fails; the sentence then has
    the file and the line.
    """
    option = kind.option
    place, _, attribute = name.rpartition(":")
    file = file_of(name)
    if name not in process.current().plugins:
        raise InputError(
            f"this run's {option} is the code {name}, which runs only if you name it; if you trust it, add: "
            f"--{option} {name}"
        )
    source = b"" if file is None else _read(name, file, kind)
    if known is not None and plugin_code.digest(source) != known:
        raise InputError(
            f"{file} has changed since this run was trained with it; give the file as it was, or train anew in another "
            "--run-dir"
        )
    try:
        module = importlib.import_module(place) if file is None else plugin_code.module_of(file, source)
    except (Exception, SystemExit) as error:
        raise InputError(f"{option} is {name!r}, and its code fails: {where(error, file)}") from None
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) if kind is VIEW else callable(found)):
        raise InputError(
            f"{option} is {name!r}, and {place} has no {kind.what} {attribute!r}; it has {_names(module, kind)}"
        )
    return found


def _names(module: Any, kind: Kind) -> str:
    """The functions or classes of a module, in words."""
    values = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    if kind is VIEW:
        own = [key for key, value in values.items() if isinstance(value, type) and value.__module__ == module.__name__]
    else:
        own = [key for key, value in values.items() if callable(value)]
    return ", ".join(own) or "none"
