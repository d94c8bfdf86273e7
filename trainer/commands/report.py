"""``arith-model report``: writes one page about runs."""

import argparse

from seq2seq_arith.base.options import given
from seq2seq_arith.base.terminal import SUCCESS, printable, say
from seq2seq_arith.trainer.arguments import asked_suite, parse_lengths
from seq2seq_arith.trainer.config import ReportOptions
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import curves
from seq2seq_arith.trainer.runs.own_code import open_all_with
from seq2seq_arith.trainer.runs.run import local_folder


def run(args: argparse.Namespace) -> int:
    """Writes one page about runs."""
    path, options = local_folder(args.output), ReportOptions(**given(args, ReportOptions))
    chosen = asked_suite(args)
    lengths = None if args.lengths is None else parse_lengths(args.lengths)
    runs = open_all_with(args.run_dirs, args.model, args.view)
    for each in runs:
        for length in lengths or ():
            each.task_of_length(length)
    labelled = dict(zip(curves.labels(args.run_dirs), runs, strict=True))
    import_tensorflow()
    from seq2seq_arith.trainer.reporting import page

    page.write_report(path, labelled, options, lengths=lengths, chosen=chosen, data_dir=args.data_dir)
    say(printable(path))
    return SUCCESS
