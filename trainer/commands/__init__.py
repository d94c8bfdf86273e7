"""The commands of ``arith-model``: each with its options, and what it refuses before TensorFlow is imported.

To add a command, write its options and its work into one of the modules here.
"""

import argparse
from collections.abc import Sequence

from seq2seq_arith.arithmetic.task_options import DASHES_QUESTION
from seq2seq_arith.base.options import Parser
from seq2seq_arith.base.packages import ShowVersions
from seq2seq_arith.trainer.arguments import COMMANDS, PROGRAM

# Each adds its commands, in the order of the help.
# isort: off
from seq2seq_arith.trainer.commands import train, describe, evaluate, ask, sweep  # noqa: F401
# isort: on

FIRST_EXAMPLES = ("train addition --data-dir data --run-dir runs/addition", "describe addition", "train --help")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(
        prog=PROGRAM,
        description="Train models on the datasets that arith-data makes, score them, and ask them questions.",
        examples=_typed(FIRST_EXAMPLES),
    )
    top.add_argument("--version", action=ShowVersions)
    parsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, command in COMMANDS.items():
        sentence = f"{command.does[0].upper()}{command.does[1:]}."
        examples = _typed(command.examples)
        command.add_options(parsers.add_parser(name, help=command.does, description=sentence, examples=examples))
    top.add_help_option()
    return top


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parses the arguments; a question of dashes, such as ``---p--``, is a question and not an option."""
    top = parser()
    args, rest = top.parse_known_args(argv or ["--help"])
    if args.command in ("predict", "inspect"):  # questions may also stand behind an option
        args.questions += [argument for argument in rest if _is_question(argument)]
        rest = [argument for argument in rest if not _is_question(argument) and argument != "--"]
    if args.command == "serve" and args.ask:  # of pq, what is asked looks like an option
        args.ask += [argument for argument in rest if _is_question(argument)]
        rest = [argument for argument in rest if not _is_question(argument)]
    args.parser.refuse_unknown(rest)
    return args


def _typed(examples: Sequence[str]) -> list[str]:
    return [f"{PROGRAM} {example}" for example in examples]


def _is_question(argument: str) -> bool:
    return not argument.startswith("-") or argument == "-" or bool(DASHES_QUESTION.fullmatch(argument))
