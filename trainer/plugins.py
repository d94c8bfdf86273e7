"""Custom models, input formats and positional encodings, in a file or in another package.

``--model nets.py:adder`` is the function ``adder`` of the file ``nets.py``, and ``--model my_nets.models:adder`` that
of an installed package. The function takes a ``Spec`` (``trainer/models/spec.py``) and returns a Keras model, or a
``Network``. ``--input-format nets.py:Paired`` is likewise a class; it derives from ``InputFormat``
(``trainer/data/input_formats.py``); and ``--positional-encoding nets.py:Alibi`` is one that derives from
``PositionalEncoding`` (``trainer/models/positional_encodings.py``). Their code runs only if a person names it, on the
command line, in Python, or in the file of a sweep: never because a run's folder names it.
"""

import contextlib
import dataclasses
import functools
import importlib
from pathlib import Path
from typing import Any

from seq2seq_arith.base import plugin_code, process
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.plugin_code import digest, file_of, where


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of plug-in: its option, and whether it is a function or a class."""

    option: str
    noun: str  # "function" or "class"

    @property
    def flag(self) -> str:
        """The option as it is typed on the command line."""
        return f"--{self.option.replace('_', '-')}"

    @property
    def form(self) -> str:
        """The form of a name in a file."""
        return f"FILE.py:{self.noun.upper()}"


MODEL = Kind("model", "function")
INPUT_FORMAT = Kind("input_format", "class")
POSITIONAL_ENCODING = Kind("positional_encoding", "class")
KINDS = (MODEL, INPUT_FORMAT, POSITIONAL_ENCODING)


def is_plugin(name: str) -> bool:
    """Whether a name is a place of code: ``FILE.py:NAME`` or ``package.module:name``; InputError for a file alone."""
    if name.endswith(".py"):
        raise InputError(f"{name} is a file; give the name of its part, too, such as {name}:NAME")
    return ":" in name


def allow(*names: str | None) -> None:
    """Allows the code of plug-ins to run, because a person named them; other names are ignored."""
    process.current().plugins.update(absolute(name) for name in names if name is not None and is_plugin(name))


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


@dataclasses.dataclass(frozen=True)
class Plugin:
    """A custom model, input format or positional encoding, whose name has been resolved.

    Attributes:
      kind: Whether it is a model, an input format or a positional encoding.
      name: Its name, with the absolute path of its file.
      sha256: The checksum that its file must have; None if it is in a package.
    """

    kind: Kind
    name: str
    sha256: str | None

    @classmethod
    def resolve(cls, kind: Kind, name: str, sha256: str | None = None) -> "Plugin":
        """The plug-in of a name, whose file must have this sha256; None for the file's present one.

        If the file has been moved, and a person has named it at its new path, the plug-in has the new path.

        Raises InputError if the sha256 is not given and the file cannot be read.
        """
        plugin = cls(kind, absolute(name), sha256)
        if sha256 is None:
            return plugin if plugin.file is None else dataclasses.replace(plugin, sha256=digest(plugin._read()))
        allowed = process.current().plugins
        names = [plugin.name, *sorted(name for name in allowed if name.endswith(f":{plugin.attribute}"))]
        candidates = (dataclasses.replace(plugin, name=name) for name in names if name in allowed)
        return next((candidate for candidate in candidates if candidate._is_unchanged), plugin)

    @property
    def attribute(self) -> str:
        """The name of the function or class within its module."""
        return self.name.rpartition(":")[2]

    @property
    def file(self) -> Path | None:
        """Its file; None if it is in a package."""
        return file_of(self.name)

    @functools.cached_property
    def code(self) -> Any:
        """The function or class; its module is executed at the first access.

        Raises InputError if no person named it, it does not exist, its file has changed, or its module fails; the
        message then contains the file and the line.
        """
        option, place, file = self.kind.option, self.name.rpartition(":")[0], self.file
        if self.name not in process.current().plugins:
            raise InputError(
                f"this run's {option} is the code {self.name}, which runs only if you name it; if you trust it, add: "
                f"{self.kind.flag} {self.name}"
            )
        source = b"" if file is None else self._read()
        if self.sha256 is not None and digest(source) != self.sha256:
            raise InputError(
                f"{file} has changed since this run was trained with it; restore the file, or train again in another "
                "--run-dir"
            )
        try:
            module = importlib.import_module(place) if file is None else plugin_code.module_of(file, source)
        except (Exception, SystemExit) as error:
            raise InputError(f"{option} is {self.name!r}, and its code fails: {where(error, file)}") from None
        code = getattr(module, self.attribute, None)
        if not (isinstance(code, type) if self.kind.noun == "class" else callable(code)):
            missing = f"{self.kind.noun} {self.attribute!r}; it has {_names(module, self.kind)}"
            raise InputError(f"{option} is {self.name!r}, and {place} has no {missing}")
        return code

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: without the code, because another process may not be allowed to run it."""
        return {name: value for name, value in vars(self).items() if name != "code"}

    @property
    def _is_unchanged(self) -> bool:
        with contextlib.suppress(InputError):  # it is gone, or cannot be read
            return self.file is not None and digest(self._read()) == self.sha256
        return False

    def _read(self) -> bytes:
        assert self.file
        return plugin_code.read(self.file, f"{self.kind.option} is {self.name!r}", self.kind.form)


def _names(module: Any, kind: Kind) -> str:
    """The functions or classes of a module, in words."""
    values = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    if kind.noun == "class":
        own = [key for key, value in values.items() if isinstance(value, type) and value.__module__ == module.__name__]
    else:
        own = [key for key, value in values.items() if callable(value)]
    return ", ".join(own) or "none"
