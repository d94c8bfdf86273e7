"""``arith-data publish``: makes the dataset of a finished run visible."""

import argparse

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import StoreError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.commands.asked import refuse_surplus
from seq2seq_arith.pipelines.commands.ended import failed, print_load
from seq2seq_arith.pipelines.formats.command import publish_command
from seq2seq_arith.pipelines.publish import find, publish


def run(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Gives what a finished run has left the dataset's name; returns the exit code."""
    refuse_surplus(rest, arguments.place, "publish takes one directory or URL")
    path = find(arguments.place, rest)
    try:
        found = publish(path, arguments.overwrite)
    except StoreError as error:
        return failed(str(error))
    except OSError as error:
        return failed(f"{path} could not be written: {error.strerror or error}")
    count = sum(found.metadata["splits"].values())
    events.emit("result", path=path, examples=count, is_new=found.is_new)
    state = "published" if found.is_new else "there already"
    also = "nothing was drawn" if found.is_new else "no other finished run waits there"
    if found.waits:
        also = f"a finished run waits there, which takes its place with: {publish_command(found.task, path, True)}"
    print(f"{printable(path)} is {state}, with {count:,} examples; {also}")
    print_load(found.task, path, str(path.parents[2]))
    return SUCCESS
