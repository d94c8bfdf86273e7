"""``arith-data card``: writes a directory's card for Hugging Face."""

import argparse

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.commands.shared import failed
from seq2seq_arith.pipelines.places.paths import local_path

DOES = "describe the datasets for Hugging Face"
DESCRIPTION = "Writes DATA_DIR/seq2seq_arith/README.md, the dataset card of Hugging Face."
EXAMPLES = ["card data"]


def options(parser: argparse.ArgumentParser) -> None:
    """Adds its options."""
    parser.add_argument("data_dir", metavar="DATA_DIR", help="where datasets are kept, as TFDS's data_dir")


def run(args: argparse.Namespace) -> int:
    """Writes the card, and prints where it is; returns the exit code."""
    from seq2seq_arith.pipelines.card import write_card  # imports TFDS

    if args.rest:
        raise InputError(f"{args.rest[0]!r} is one argument too many; card takes one directory")
    data_dir = local_path(args.data_dir)
    try:
        written = write_card(data_dir)
    except OSError as error:
        return failed(f"the card of {data_dir} could not be written: {error.strerror or error}")
    events.emit("result", path=written)
    print(printable(written))
    return SUCCESS
