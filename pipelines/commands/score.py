"""``arith-data score``: scores the answers of any model or program to the questions of a suite."""

import json
import os
from pathlib import Path
from typing import Annotated, NamedTuple

from seq2seq_arith.arithmetic import scoring
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.files import expanded, write_atomically
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.pipelines import answers
from seq2seq_arith.pipelines.commands.program import ARITH_DATA

# How a file of each ending holds a score.
WRITERS = {".json": lambda scores: json.dumps(scores.to_json(), indent=2) + "\n", ".md": scoring.Scores.markdown}


class Scored(NamedTuple):
    """The score of some answers, and the file that has it, too, if one was named."""

    scores: scoring.Scores
    path: Path | None


def show_score(scored: Scored) -> None:
    """Prints the score, and where the file is."""
    scores, path = scored
    events.emit("result", path=path, **scores.to_json(), worst_slice=scores.worst_slice)
    say(scores.text() + (f"\n{printable(path)}" if path else ""))


@ARITH_DATA.command(
    "score the answers of any model or program to a suite",
    "score suite.tsv answers.txt",
    "score suite.tsv - -o score.md",
    description="Score the answers of any model or program to the questions of a suite.\n\nThe score has the accuracy "
    "of each slice with a 95% confidence interval (Clopper-Pearson), and ends with the worst slice.",
    show=show_score,
)
def score(
    questions: Annotated[str, Option("table that arith-data suite has written; - for standard input")],
    answers_path: Annotated[
        str,
        Option(
            "file with one answer per line in the same order, or with lines of question, tab, answer, or JSON; - for "
            "standard input",
            metavar="ANSWERS",
        ),
    ],
    *,
    output: Annotated[
        str | None, Option("also write the score into this file, .json or .md", short="o", metavar="FILE")
    ] = None,
) -> Scored:
    """Scores the answers to the questions of a suite; also writes the score into a file, if ``output`` is given."""
    if questions == answers_path:
        name = answers.name_of(answers_path)
        raise InputError(f"both QUESTIONS and ANSWERS are {name}; give another file for one of them")
    path = None if output is None else _output(output, (questions, answers_path))
    suite = answers.read_questions(questions)
    tally = scoring.Tally(suite)
    for number, answer in answers.read_answers(answers_path, suite):
        tally.add(number, answer)
    scores = tally.scores()
    scores.emit()
    if path:
        try:
            write_atomically(path, WRITERS[path.suffix](scores).encode())
        except OSError as error:
            raise WriteError(path, error.strerror or error) from None
    return Scored(scores, path)


def _output(name: str, read: tuple[str, ...]) -> Path:
    """The file to write; raises InputError if its ending is another one, or it is one of those that are read."""
    path = expanded(name)
    if path.suffix not in WRITERS:
        raise InputError(f"--output is {name}; give a file that ends with {' or '.join(WRITERS)}")
    if os.path.realpath(path) in (os.path.realpath(expanded(file)) for file in read if file != answers.INPUT):
        raise InputError(f"--output is {name}, which is read; give another file")
    return path
