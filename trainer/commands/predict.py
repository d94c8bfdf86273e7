"""``arith-model predict``: answers questions with the best model of a run."""

import argparse

from seq2seq_arith.base.terminal import SUCCESS
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.own_code import open_with


def run(args: argparse.Namespace) -> int:
    """Answers questions with the best model of a run."""
    asked = open_with(args.run_dir, args.model, args.view)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import prediction

    prediction.print_answers(asked, prediction.read_questions(args.questions, args.file), as_json=args.json)
    return SUCCESS
