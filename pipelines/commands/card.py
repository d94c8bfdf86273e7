"""``arith-data card``: writes a directory's card for Hugging Face."""

import argparse

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.card import write_card
from seq2seq_arith.pipelines.commands.ended import failed
from seq2seq_arith.pipelines.places.paths import local_path


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Writes the card, and prints where it is; returns the exit code."""
    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; card takes one directory")
    data_dir = local_path(arguments.data_dir)
    try:
        written = write_card(data_dir)
    except OSError as error:
        return failed(f"the card of {data_dir} could not be written: {error.strerror or error}")
    events.emit("result", path=written)
    print(printable(written))
    return SUCCESS
