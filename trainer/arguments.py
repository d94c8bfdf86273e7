"""What several commands of ``arith-model`` share: what a command is, and options that more than one has."""

import argparse
import dataclasses
import re
from collections.abc import Callable, Sequence

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task_options import add_common_options
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Parser, add_options, given
from seq2seq_arith.trainer import plugins

PROGRAM = "arith-model"
MAX_NUMBER = 10**6
# arith-data calls the seed of a dataset, and that of a suite, --seed; here that is the seed of the training.
DATA_FLAGS = {"seed": "data-seed"}
SUITE_FLAGS = {"seed": "suite-seed"}
SUITE_OPTIONS = ("per_slice", "seed", "version")
RUNS_DIR = "a run's folder, or one with runs at most three below it"

_Run = Callable[[argparse.Namespace], int]


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of the program."""

    name: str
    does: str  # one line for ``--help``
    options: Callable[[Parser], None]  # adds its options to its parser
    run: _Run  # does its work, and returns the exit code
    examples: Sequence[str]  # that work when they are typed behind the program's name; they end its help
    needs_tensorflow: bool = True  # and Keras
    prints_data: bool = False  # its standard output is what was asked for, so it has no events
    goes_on: bool = False  # the same command goes on where it was stopped

    def add_options(self, parser: Parser) -> None:
        """Adds all of its options to a parser: its own, and those of every command."""
        self.options(parser)
        add_common_options(parser, has_events=not self.prints_data)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parses what is typed behind its name; raises InputError if an argument is wrong."""
        parser = Parser(prog=f"{PROGRAM} {self.name}")
        self.add_options(parser)
        args, rest = parser.parse_known_args(words)
        parser.refuse_unknown(rest)
        return args


COMMANDS: dict[str, Command] = {}


def command(does: str, options: Callable[[Parser], None], *examples: str, **how: bool) -> Callable[[_Run], _Run]:
    """Makes a function that does the work of a command that command, named after it; as for ``Command``."""

    def register(run: _Run) -> _Run:
        COMMANDS[run.__name__] = Command(run.__name__, does, options, run, examples, **how)
        return run

    return register


def add_run(command: argparse.ArgumentParser) -> None:
    """Adds a run's folder, and the options that name its model and its view if they are your own code."""
    command.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    for kind in plugins.KINDS:
        help = f"{kind.form}, if the run's {kind.option} is your own: its code may then run"
        command.add_argument(f"--{kind.option}", help=help)


def add_own_code(command: argparse.ArgumentParser) -> None:
    """Adds the options that name the models and views of several runs, if they are your own code."""
    for kind in plugins.KINDS:
        help = f"{kind.form}, if a run's {kind.option} is your own, so that its code may run; as often as needed"
        command.add_argument(f"--{kind.option}", action="append", default=[], help=help)


def add_suite_options(parser: argparse._ActionsContainer) -> None:
    """Adds the options that say which questions of a suite are drawn."""
    add_options(parser, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS)


def suite_options(args: argparse.Namespace) -> SuiteOptions:
    """Which questions of a suite are drawn; raises InputError if a value is out of its range."""
    return SuiteOptions(**given(args, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS))


def parse_lengths(text: str | None) -> list[int]:
    """Parses the lengths of ``evaluate``; none if they are not given."""
    return [] if text is None else parse_numbers("lengths", text, "6-18 or 20,100")


def parse_numbers(label: str, text: str, example: str) -> list[int]:
    """Parses a list of whole numbers and rising ranges.

    >>> parse_numbers("lengths", "6-8,12", "6-18")
    [6, 7, 8, 12]

    Raises InputError if it is not such a list.
    """
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= MAX_NUMBER:
            advice = f"give whole numbers up to {MAX_NUMBER} and rising ranges, such as {example}"
            raise InputError(f"{label} is {text!r}; {advice}")
        numbers += range(first, last + 1)
    return numbers
