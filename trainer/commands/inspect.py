"""``arith-model inspect``: looks inside the best model of a run while it answers a question."""

import argparse
import json

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import SUCCESS, printable, say
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import curves
from seq2seq_arith.trainer.runs.own_code import open_with
from seq2seq_arith.trainer.runs.run import local_folder


def run(args: argparse.Namespace) -> int:
    """Looks inside the best model of a run while it answers a question."""
    asked = open_with(args.run_dir, args.model, args.view)
    if len(args.questions) != 1:
        raise InputError(f"there are {len(args.questions)} questions; give one, such as {text.example(asked.task)}")
    question = text.parse(args.questions[0], asked.task, asked.most_digits)
    path = None if args.output is None else local_folder(args.output)
    if path:
        curves.check_picture(path)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import inspection
    from seq2seq_arith.trainer.training import session

    found = inspection.inspect(session.restore(asked, question.task), question)
    if path:
        inspection.draw(path, found)
    say(json.dumps(found.to_json()) if args.json else found.text())
    if path and not args.json:
        say(f"\n{printable(path)}")
    return SUCCESS
