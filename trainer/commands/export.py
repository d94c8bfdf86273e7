"""``arith-model export``: writes the best model of a run for use elsewhere."""

import argparse

from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.own_code import open_with


def run(args: argparse.Namespace) -> int:
    """Writes the best model of a run for use elsewhere."""
    exported = open_with(args.run_dir, args.model, args.view)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import export

    export.export(exported, args.out)
    return SUCCESS
