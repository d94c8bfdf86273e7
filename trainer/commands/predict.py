"""``arith-model predict``, ``inspect``, ``export`` and ``serve``: questions to the best model of a run."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from seq2seq_arith.arithmetic.task_options import QuestionOption
from seq2seq_arith.base import packages
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.trainer.commands.program import RUNS_DIR, OneRun, OpenedRun, OwnCode, PictureOption, command
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.run import PRETRAINED, RUNS, Run, new_folder, runs_folder

if TYPE_CHECKING:
    from seq2seq_arith.trainer.evaluation.prediction import Answer
    from seq2seq_arith.trainer.interpretability.inspection import Inspection

MAX_PORT = 2**16 - 1


def show_answers(
    answers: "Iterable[tuple[str, Answer | str]]",
    *,
    as_json: Annotated[
        bool, Option("print JSON, one object per question: question, prediction, confidence", flag="json")
    ] = False,
) -> None:
    """Prints each question with its answer, and errors on standard error; or all as JSON, one line per question."""
    for typed, answer in answers:
        if not isinstance(answer, str):
            question, prediction, confidence = answer
            fields = {"question": question.typed, "prediction": prediction, "confidence": confidence}
            say(json.dumps(fields) if as_json else f"{question.typed}{question.task.notation.equals}{prediction}")
        elif as_json:
            say(json.dumps({"question": typed, "error": answer}))
        else:
            print(printable(f"left out: {answer}"), file=sys.stderr)


@command(
    "predict the answers to questions such as 39+3",
    "predict runs/addition 39+3 12+345",
    "predict runs/addition --file questions.txt --json",
    show=show_answers,
    before=None,  # the networks that can be proved are evaluated without TensorFlow
    prints_data=True,
)
def predict(
    run: OpenedRun,
    questions: Annotated[
        Sequence[str],
        QuestionOption(
            "such as 39+3, or ---p-- for pq; 9{20}+1 stands for twenty nines, 300p2 for 300 dashes; - reads "
            "standard input"
        ),
    ] = (),
    *,
    file: Annotated[str | None, Option("read questions from this file, too, one per line")] = None,
    skip: Annotated[bool, Option("skip invalid questions (with --json: report them as errors)")] = False,
) -> "Iterator[tuple[str, Answer | str]]":
    """Questions, each with the answer of a run, or the error message if it is not a question of its task."""
    from seq2seq_arith.trainer.evaluation import prediction

    return prediction.answers_to(run, prediction.read_questions(questions, file), skip)


def show_inspection(
    inspection: "Inspection",
    *,
    output: Annotated[Path | None, PictureOption("also draw it into this file, .png, .svg or .pdf", short="o")] = None,
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
    "show probabilities, attention and hidden states of a model while it answers a question",
    "inspect runs/addition 999+1",
    "inspect runs/pq ---p-- -o pq.png",
    show=show_inspection,
    prints_data=True,
)
def inspect(
    run: OpenedRun,
    question: Annotated[str, QuestionOption("such as 39+3, or ---p-- for pq")],
) -> "Inspection":
    """What happens in a model while it answers a question."""
    parsed = run.run.parse(question)
    import_tensorflow()
    from seq2seq_arith.trainer.interpretability import inspection

    return inspection.inspect(run.learner(parsed.task), parsed)


class Exported(NamedTuple):
    """A run, and the folder that has its best model for use elsewhere."""

    run: Run
    folder: Path


def show_export(exported: Exported) -> None:
    """Prints what the folder holds, and how to load it."""
    from seq2seq_arith.trainer.export import saved_model

    saved_model.show(*exported)


@command(
    "export the best model of a run as a SavedModel, as a .keras file, and for LiteRT and ONNX",
    "export runs/addition exported",
    "export runs/addition exported --litert --onnx",
    show=show_export,
)
def export(
    run: OneRun,
    out: Annotated[str, Option("folder to write, which must not exist yet", metavar="OUT_DIR")],
    *,
    litert: Annotated[
        bool,
        Option("also write model.tflite, for LiteRT (TensorFlow Lite), and answer.py, which answers questions"),
    ] = False,
    onnx: Annotated[
        bool, Option("also write model.onnx, for ONNX Runtime and others, and answer.py; needs the extra onnx")
    ] = False,
) -> Exported:
    """Writes the best model of a run for use elsewhere."""
    import_tensorflow()
    from seq2seq_arith.trainer.export import saved_model

    return Exported(run, saved_model.export(run, out, with_litert=litert, with_onnx=onnx))


@command(
    "serve a web page on which people question the runs of a folder, and watch them answer",
    "serve",
    "serve runs --port 8000",
    "serve pretrained: --question subtraction-random-pairs subtraction 500-500",
    "serve runs --export page",
    prints_data=True,
)
def serve(
    runs_dir: Annotated[
        str | None, Option(RUNS_DIR, default_text=f"{RUNS}, or {PRETRAINED} if there is no folder {RUNS}")
    ] = None,
    *,
    port: Annotated[
        int,
        Option(
            "port of the server, which listens on localhost only; 0 for any free port",
            low=0,
            high=MAX_PORT,
            default_text="8765",
        ),
    ] = 8765,
    question: Annotated[
        Sequence[str],
        QuestionOption(
            "the question with which the page opens: the name of a run, optionally that of a second run to compare, "
            "and the question",
            metavar="RUN [RUN] QUESTION",
        ),
    ] = (),
    export: Annotated[
        str | None,
        Option(
            "instead of serving, write a static page into this folder: it computes the answers in the browser, for "
            "the runs whose networks it supports",
            metavar="DIR",
        ),
    ] = None,
    own_code: OwnCode = None,
) -> None:
    """Serves a page for querying the runs of a folder, until it is stopped; or writes the page."""
    top = runs_folder(runs_dir or (RUNS if Path(RUNS).exists() else PRETRAINED))
    from seq2seq_arith.trainer.playground import catalog

    fields = catalog.asked(top, question) if question else ""
    if export is not None:
        folder = new_folder(export)
        from seq2seq_arith.trainer.playground import page

        page.export(top, folder, fields)
        return
    packages.require("arith-model serve", "aiohttp", "serve")
    from seq2seq_arith.trainer.playground import server

    server.serve(top, port, f"#{fields}" if fields else "")
