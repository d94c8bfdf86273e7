"""``arith-model predict``, ``inspect``, ``export`` and ``serve``: questions to the best model of a run."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task_options import QuestionOption
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.trainer.commands.program import RUNS_DIR, OneRun, OpenedRun, OwnCode, PictureOption, command
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.run import Run, new_folder

if TYPE_CHECKING:
    from seq2seq_arith.trainer.evaluation.prediction import Answer
    from seq2seq_arith.trainer.interpretability.inspection import Inspection

MAX_PORT = 2**16 - 1


def show_answers(
    answers: "Iterable[tuple[str, Answer | str]]",
    *,
    as_json: Annotated[bool, Option("JSON, a line per question: prediction, confidence", flag="json")] = False,
) -> None:
    """Prints each question with its answer, and on standard error what is not one; or all as JSON, a line each."""
    for given, answer in answers:
        if not isinstance(answer, str):
            question, prediction, confidence = answer
            known = {"question": question.typed, "prediction": prediction, "confidence": confidence}
            say(json.dumps(known) if as_json else f"{question.typed}{question.task.notation.equals}{prediction}")
        elif as_json:
            say(json.dumps({"question": given, "error": answer}))
        else:
            print(printable(f"left out: {answer}"), file=sys.stderr)


@command(
    "answer questions as a person writes them, such as 39+3",
    "predict runs/addition 39+3 12+345",
    "predict runs/addition --file questions.txt --json",
    show=show_answers,
    prints_data=True,
)
def predict(
    run: OpenedRun,
    questions: Annotated[
        Sequence[str],
        QuestionOption("39+3, or ---p-- for pq; in short, 9{20}+1 or 300p2; - reads standard input"),
    ] = (),
    *,
    file: Annotated[str | None, Option("a file with one question per line")] = None,
    skip: Annotated[bool, Option("skip what is no question; with --json, it has an error")] = False,
) -> "Iterator[tuple[str, Answer | str]]":
    """Questions, each with the answer of a run, or with why it is not one of its task."""
    import_tensorflow()
    from seq2seq_arith.trainer.evaluation import prediction

    return prediction.answers_to(run, prediction.read_questions(questions, file), skip)


def show_inspection(
    inspection: "Inspection",
    *,
    output: Annotated[Path | None, PictureOption("draw it: a .png, .svg or .pdf file", short="o")] = None,
    as_json: Annotated[bool, Option("print everything as one JSON object", flag="json")] = False,
) -> None:
    """Prints what happens in a model while it answers a question, and draws it."""
    if output:
        from seq2seq_arith.trainer.interpretability.inspection import draw

        draw(output, inspection)
    if as_json:
        say(json.dumps(inspection.to_json()))
    else:
        say(inspection.text() + (f"\n\n{printable(output)}" if output else ""))


@command(
    "look inside a model while it answers: probabilities, attention, states",
    "inspect runs/addition 999+1",
    "inspect runs/pq ---p-- -o pq.png",
    show=show_inspection,
    prints_data=True,
)
def inspect(
    run: OpenedRun,
    questions: Annotated[Sequence[str], QuestionOption("one question: 39+3, or ---p-- for pq")] = (),
) -> "Inspection":
    """What happens in a model while it answers a question."""
    if len(questions) != 1:
        count = f"are {len(questions)} questions" if questions else "is no question"
        raise InputError(f"there {count}; give one, such as {text.example(run.run.task)}")
    question = run.run.parse(questions[0])
    import_tensorflow()
    from seq2seq_arith.trainer.interpretability import inspection

    return inspection.inspect(run.learner(question.task), question)


class Exported(NamedTuple):
    """A run, and the folder that has its best model for use elsewhere."""

    run: Run
    folder: Path


def show_export(exported: Exported) -> None:
    """Prints what the folder holds, and how to load it."""
    from seq2seq_arith.trainer.export import saved_model

    saved_model.show(*exported)


@command(
    "write the best model as a SavedModel and as a .keras file",
    "export runs/addition exported",
    show=show_export,
)
def export(run: OneRun, out: Annotated[str, Option("a folder that does not exist yet", metavar="OUT_DIR")]) -> Exported:
    """Writes the best model of a run for use elsewhere."""
    import_tensorflow()
    from seq2seq_arith.trainer.export import saved_model

    return Exported(run, saved_model.export(run, out))


@command(
    "show a page on which you ask the runs of a folder, and watch them write",
    "serve runs",
    "serve runs --port 8000",
    "serve runs --question random-pairs subtraction 500-500",
    "serve runs --export page",
    prints_data=True,
)
def serve(
    runs_dir: Annotated[str, Option(RUNS_DIR)],
    *,
    port: Annotated[
        int, Option("on this machine alone; 0 for a free one", low=0, high=MAX_PORT, default_text="8765")
    ] = 8765,
    question: Annotated[
        Sequence[str],
        QuestionOption(
            "what the page asks first: a run by the name of its folder, another one if you like, and a question",
            metavar="WORD",
        ),
    ] = (),
    export: Annotated[
        str | None,
        Option(
            "write a page that needs neither a server nor this program: it answers in the browser, with the weights "
            "of those runs whose networks it can compute",
            metavar="DIR",
        ),
    ] = None,
    own_code: OwnCode = None,
) -> None:
    """Serves a page on which the runs of a folder are asked, until it is stopped; or writes one."""
    top = expanded(runs_dir)
    if export is not None:
        if question:
            raise InputError("--export and --question are both given; give one of them")
        folder = new_folder(export)
        import_tensorflow()
        from seq2seq_arith.trainer.playground import page

        page.export(top, folder)
        return
    packages.require("arith-model serve", "aiohttp", "serve")
    from seq2seq_arith.trainer.playground import catalog

    fragment = catalog.fragment(top, question) if question else ""
    import_tensorflow()
    from seq2seq_arith.trainer.playground import server

    server.serve(top, port, fragment)
