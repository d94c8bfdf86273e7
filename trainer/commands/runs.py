"""``arith-model runs``: lists the runs in a folder."""

import argparse

from seq2seq_arith.base.terminal import SUCCESS, say
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.run import local_folder


def run(args: argparse.Namespace) -> int:
    """Lists the runs in a folder."""
    entries = [listing.entry(name, folder) for name, folder in listing.folders(local_folder(args.runs_dir)).items()]
    say(listing.json_lines(entries) if args.json else listing.text(entries))
    return SUCCESS
