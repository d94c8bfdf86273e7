"""The commands of ``arith-data``, one module each: its options, what it refuses, calls and prints, and its exit code.

To add a command, write a module with ``DOES``, ``DESCRIPTION``, ``EXAMPLES``, ``options`` and ``run``, and add it to
``COMMANDS``. All modules are imported for every command, so those that import PyArrow or Beam do so in ``run``.
"""

import argparse
from collections.abc import Sequence

from seq2seq_arith.arithmetic.task_options import DASHES_QUESTION, add_common_options
from seq2seq_arith.base.options import Parser
from seq2seq_arith.base.packages import ShowVersions
from seq2seq_arith.pipelines.commands import card, fetch, generate, plan, score, show, suite, verify
from seq2seq_arith.pipelines.commands.shared import PROGRAM
from seq2seq_arith.pipelines.commands.show import ONE_HOT

COMMANDS = {
    "show": show,
    "generate": generate,
    "plan": plan,
    "verify": verify,
    "fetch": fetch,
    "suite": suite,
    "score": score,
    "card": card,
}
# Their standard output is what was asked for, and no events.
PRINTS_DATA = ("show", "suite")


def parser() -> Parser:
    """The commands and their options."""
    top = Parser(
        prog=PROGRAM,
        description="Plan, make, show, check and fetch datasets of arithmetic questions and answers.",
        examples=[f"{PROGRAM} {words}" for words in (show.EXAMPLES[0], generate.EXAMPLES[0], "generate --help")],
    )
    top.add_argument("--version", action=ShowVersions)
    parsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        examples = [f"{PROGRAM} {words}" for words in command.EXAMPLES]
        own = parsers.add_parser(name, help=command.DOES, description=command.DESCRIPTION, examples=examples)
        command.options(own)
        add_common_options(own, has_events=name not in PRINTS_DATA)
    top.add_help_option()
    return top


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parses the arguments. ``words`` of the result are those that were typed, ``rest`` those that no option takes."""
    top = parser()
    joined: list[str] = []
    for word in words:
        if joined[-1:] == [ONE_HOT] and DASHES_QUESTION.fullmatch(word):
            joined[-1] = f"{ONE_HOT}={word}"  # a question of dashes is not an option
        else:
            joined.append(word)
    args, rest = top.parse_known_args(joined or ["--help"])
    args.words, args.rest = list(words), rest
    return args
