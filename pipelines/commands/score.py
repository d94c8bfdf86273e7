"""``arith-data score``: scores the answers of any model or program to the questions of a suite."""

import argparse
import json
import os
from pathlib import Path

from seq2seq_arith.arithmetic import scoring
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.files import expanded, write_atomically
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines import answers

DOES = "score anyone's answers to a suite"
DESCRIPTION = (
    "Score the answers that any model or program gave to the questions of a suite: by slice, with 95% intervals, the "
    "worst slice last."
)
EXAMPLES = ["score suite.tsv answers.txt", "score suite.tsv - -o score.md"]
# How a file of each ending holds a score.
WRITERS = {".json": lambda scores: json.dumps(scores.to_json(), indent=2) + "\n", ".md": scoring.Scores.markdown}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "questions", metavar="QUESTIONS", help="a table that suite has written, or - for standard input"
    )
    parser.add_argument(
        "answers",
        metavar="ANSWERS",
        help="one answer per line, in the same order, or question, tab, answer; or JSON; or - for standard input",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="also write everything to this file, .json or .md")


def run(args: argparse.Namespace) -> int:
    """Prints the score of some answers; returns the exit code."""
    args.parser.refuse_unknown(args.rest)
    if args.questions == args.answers:
        both = answers.name_of(args.answers)
        raise InputError(f"both QUESTIONS and ANSWERS are {both}; give another file for one of them")
    path = None if args.output is None else _output(args.output, (args.questions, args.answers))
    rows = answers.read_questions(args.questions)
    scores = scoring.score(rows, answers.read_answers(args.answers, rows))
    scores.emit()
    if path:
        try:
            write_atomically(path, WRITERS[path.suffix](scores).encode())
        except OSError as error:
            raise WriteError(path, error.strerror or error) from None
    events.emit("result", path=path, **scores.to_json(), worst_slice=scores.worst_slice)
    print(scores.text())
    if path:
        print(printable(path))
    return SUCCESS


def _output(name: str, read: tuple[str, ...]) -> Path:
    """The file to write; raises InputError if its ending is another one, or it is one of those that are read."""
    path = expanded(name)
    if path.suffix not in WRITERS:
        raise InputError(f"--output is {name}; give a file that ends with {' or '.join(WRITERS)}")
    if os.path.realpath(path) in (os.path.realpath(expanded(file)) for file in read if file != answers.INPUT):
        raise InputError(f"--output is {name}, which is read; give another file")
    return path
