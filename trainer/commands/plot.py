"""``arith-model plot``: draws the curves of runs into one picture."""

import argparse

from seq2seq_arith.base.terminal import SUCCESS, printable, say
from seq2seq_arith.trainer.runs import curves
from seq2seq_arith.trainer.runs.run import local_folder, open_run


def run(args: argparse.Namespace) -> int:
    """Draws the curves of runs into one picture."""
    path = local_folder(args.output)
    runs = [curves.read(open_run(folder)) for folder in args.run_dirs]
    curves.plot(path, dict(zip(curves.labels(args.run_dirs), runs, strict=True)))
    say(printable(path))
    return SUCCESS
