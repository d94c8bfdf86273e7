"""``arith-model prove``: whether a model is right at every length. It is short because the work is in ``proving``."""

import argparse
import functools

from seq2seq_arith.base import events
from seq2seq_arith.base.options import FIRST_OPTIONS, Parser
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable, say
from seq2seq_arith.trainer.arguments import add_run, command
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import local_folder, open_with


def _prove_options(prove: Parser) -> None:
    add_run(prove)
    first = prove.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "--counterexamples",
        metavar="FILE",
        help="write the shortest question of each kind that is answered wrong, one per line, as predict reads them",
    )


@command(
    "prove that a model answers every question of every length right, or find the shortest that it does not",
    _prove_options,
    "prove runs/addition",
    "prove runs/addition --counterexamples wrong.txt",
)
def prove(args: argparse.Namespace) -> int:
    """Checks every case that a model can meet; returns 1 if one is answered wrong."""
    run = open_with(args.run_dir, args.model, args.view)
    path = None if args.counterexamples is None else local_folder(args.counterexamples)
    import_tensorflow()
    from seq2seq_arith.trainer.training import proof, session

    found, wrong = proof.prove(run, functools.partial(session.restore, run))
    events.emit("result", path=run.place, **found.to_json())
    say(str(found))
    if path:
        write(path, "".join(f"{each.question}\n" for each in wrong).encode())
        say(f"{len(wrong):,} questions: {printable(path)}")
    return SUCCESS if found.holds else FAILURE
