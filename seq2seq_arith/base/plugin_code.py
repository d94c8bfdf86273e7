"""Code in a file that a person names: its path, its content, its module, and its errors in one sentence.

The trainer loads custom models and input formats from such files, and both programs load custom tasks. The trainer and
``arithmetic/own_tasks.py`` decide which code may run.
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
    """The file of ``FILE.py:NAME``; None if the name is in a package."""
    place = name.rpartition(":")[0]
    return expanded(place).absolute() if place.endswith(".py") else None


def read(file: Path, given: str, form: str) -> bytes:
    """The content of a file of code; raises InputError, which begins with ``given`` and ends with the form to give."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{given}, and {file} cannot be read ({error.strerror}); give {form}") from None


def digest(source: bytes) -> str:
    """The sha256 of a file's content."""
    return hashlib.sha256(source).hexdigest()


def module_of(file: Path, source: bytes) -> ModuleType:
    """The module of a file with this content, run once; its name is unique, so that it hides no other module."""
    name = f"seq2seq_arith_plugin_{digest(str(file).encode() + source)[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(file)
    # Keras looks up the classes of a module here when it opens a model.
    sys.modules[name] = module
    try:
        exec(compile(source, str(file), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def where(error: BaseException, file: Path | None) -> str:
    """An error in one line, with the last line of the file in its traceback."""
    if str(error).startswith(IN_GRAPH):
        # TensorFlow runs code that it generated from the file, so the lines of the file are in its message.
        *_, reason = str(error).strip().splitlines()
        lines = [line for path, line in PLACE.findall(str(error)) if file and Path(path) == file]
        return f"{file}, line {lines[-1]}: {reason.strip()}" if lines else reason.strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if file and Path(frame.filename) == file]
    # Keras first names the layer that failed. The reason is at the end of the bold text.
    bold = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
    lines = (bold[1].strip().splitlines()[::-1] if bold else str(error).strip().splitlines()) or ["no reason given"]
    reason = f"{type(error).__name__}: {lines[0]}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {reason}" if frames else reason
