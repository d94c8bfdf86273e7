"""Code in a file that a person names: its place, its content, its module, and its errors in one sentence.

The trainer takes models and input formats from such files, and both programs take tasks. The trainer and
``arithmetic/own_tasks.py`` decide which files' code may run.
"""

import hashlib
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded

IN_GRAPH = "in user code:"
PLACE = re.compile(r'File "([^"]+)", line ([0-9]+)')


def file_of(name: str) -> Path | None:
    """The file of ``FILE.py:NAME``; None if the name is that of something in a package."""
    place = name.rpartition(":")[0]
    return expanded(place).absolute() if place.endswith(".py") else None


def read(file: Path, what: str, form: str) -> bytes:
    """The content of a file of code; the refusal begins with ``what`` was given, and ends with the form to give."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{what}, and {file} cannot be read ({error.strerror}); give {form}") from None


def digest(source: bytes) -> str:
    """The sha256 of a file's content."""
    return hashlib.sha256(source).hexdigest()


def module_of(file: Path, source: bytes) -> ModuleType:
    """The module of a file with this content, run once; under a name of its own, so that it hides no other module."""
    name = f"seq2seq_arith_plugin_{digest(str(file).encode() + source)[:12]}"
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


def where(error: BaseException, file: Path | None) -> str:
    """An error in one line, with the last line of the file that it passed."""
    if str(error).startswith(IN_GRAPH):
        # TensorFlow tells the places in its message: the code that ran was made from the file's.
        *_, reason = str(error).strip().splitlines()
        lines = [line for path, line in PLACE.findall(str(error)) if file and Path(path) == file]
        return f"{file}, line {lines[-1]}: {reason.strip()}" if lines else reason.strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if file and Path(frame.filename) == file]
    # Keras says first which layer failed. Why stands at the end of what it prints in bold type.
    bold = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
    said = (bold[1].strip().splitlines()[::-1] if bold else str(error).strip().splitlines()) or ["no reason given"]
    reason = f"{type(error).__name__}: {said[0]}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {reason}" if frames else reason
