"""``arith-model results``: prints a table of the results of sweeps."""

import argparse

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import check_number
from seq2seq_arith.base.terminal import SUCCESS, say
from seq2seq_arith.trainer.arguments import parse_lengths
from seq2seq_arith.trainer.sweeps import results


def run(args: argparse.Namespace) -> int:
    """Prints a table of the results of a sweep."""
    wrong = next((each for each in args.where if "=" not in each), None)
    if wrong is not None:
        raise InputError(f"--where is {wrong!r}; give FIELD=VALUE, such as task=addition")
    check_number("threshold", args.threshold, 0.0, 1.0)
    rows = [row for file in args.files for row in results.read(results.file_of(expanded(file)))]
    where = [(name, value) for name, _, value in (each.partition("=") for each in args.where)]
    lengths = parse_lengths(args.lengths)
    asked = results.Asked(by=args.by.split(","), where=where, threshold=args.threshold, lengths=lengths)
    say(results.markdown(rows, asked) if args.markdown else results.text(rows, asked))
    return SUCCESS
