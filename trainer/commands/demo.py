"""``arith-model demo``: makes the datasets of the demo, trains a model on each, and asks them hard questions."""

import argparse

from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.trainer.quiet import import_tensorflow


def run(args: argparse.Namespace) -> int:
    """Trains all tasks of the demo."""
    import_tensorflow()
    from seq2seq_arith.trainer import demo

    demo.run(args.data_dir, args.run_dir, args.replicas)
    return SUCCESS
