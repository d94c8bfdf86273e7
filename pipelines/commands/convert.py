"""``arith-data convert``: writes a dataset in further formats."""

import argparse
import time

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.commands.ended import failed
from seq2seq_arith.pipelines.convert import convert
from seq2seq_arith.pipelines.formats.layout import OPTIONAL_FORMATS
from seq2seq_arith.pipelines.places.paths import local_path


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Writes the further files, and removes those that are no longer wanted; returns the exit code."""
    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; convert takes one directory")
    directory = local_path(arguments.directory)
    start = time.perf_counter()
    try:
        formats = {name: getattr(arguments, name) for name in OPTIONAL_FORMATS}
        task, layout, done = convert(directory, formats, arguments.columns)
    except OSError as error:
        return failed(f"{directory} could not be written: {error.strerror or error}; it is as it was")
    events.emit("result", path=directory, formats=layout.formats, is_new=done)
    took = f"; {time.perf_counter() - start:.1f} s" if done else " already; nothing was done"
    print(f"{printable(directory)} has {layout} of {task.description}{took}")
    return SUCCESS
