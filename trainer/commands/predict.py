"""``arith-model predict``, ``inspect``, ``export`` and ``serve``: questions to the best model of a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task_options import QuestionOption
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.trainer.commands.program import RUNS_DIR, OneRun, OwnCode, PictureOption, command
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.run import new_folder

MAX_PORT = 2**16 - 1


@command(
    "answer questions as a person writes them, such as 39+3",
    "predict runs/addition 39+3 12+345",
    "predict runs/addition --file questions.txt --json",
    prints_data=True,
)
def predict(
    run: OneRun,
    questions: Annotated[
        Sequence[str],
        QuestionOption("39+3, or ---p-- for pq; in short, 9{20}+1 or 300p2; - reads standard input"),
    ] = (),
    *,
    file: Annotated[str | None, Option("a file with one question per line")] = None,
    as_json: Annotated[bool, Option("JSON, a line per question: prediction, confidence", flag="json")] = False,
    skip: Annotated[bool, Option("skip what is no question; with --json, it has an error")] = False,
) -> None:
    """Prints the answers of a run to questions."""
    import_tensorflow()
    from seq2seq_arith.trainer.asking import prediction
    from seq2seq_arith.trainer.training.opened import OpenRun

    prediction.print_answers(OpenRun(run), prediction.read_questions(questions, file), as_json=as_json, skip=skip)


@command(
    "look inside a model while it answers: probabilities, attention, states",
    "inspect runs/addition 999+1",
    "inspect runs/pq ---p-- -o pq.png",
    prints_data=True,
)
def inspect(
    run: OneRun,
    questions: Annotated[Sequence[str], QuestionOption("one question: 39+3, or ---p-- for pq")] = (),
    *,
    output: Annotated[Path | None, PictureOption("draw it: a .png, .svg or .pdf file", short="o")] = None,
    as_json: Annotated[bool, Option("print everything as one JSON object", flag="json")] = False,
) -> str:
    """What happens in a model while it answers a question; also in a picture."""
    if len(questions) != 1:
        count = f"are {len(questions)} questions" if questions else "is no question"
        raise InputError(f"there {count}; give one, such as {text.example(run.task)}")
    question = text.parse(questions[0], run.task, run.max_size)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import inspection
    from seq2seq_arith.trainer.training.opened import OpenRun

    found = inspection.inspect(OpenRun(run).learner(question.task), question)
    if output:
        inspection.draw(output, found)
    if as_json:
        return json.dumps(found.to_json())
    return found.text() + (f"\n\n{printable(output)}" if output else "")


@command("write the best model as a SavedModel and as a .keras file", "export runs/addition exported")
def export(run: OneRun, out: Annotated[str, Option("a folder that does not exist yet", metavar="OUT_DIR")]) -> None:
    """Writes the best model of a run for use elsewhere."""
    import_tensorflow()
    from seq2seq_arith.trainer.asking import export

    export.export(run, out)


@command(
    "show a page on which you ask the runs of a folder, and watch them write",
    "serve runs",
    "serve runs --port 8000",
    "serve runs --ask random-pairs subtraction 500-500",
    "serve runs --export page",
    prints_data=True,
)
def serve(
    runs_dir: Annotated[str, Option(RUNS_DIR)],
    *,
    port: Annotated[
        int, Option("on this machine alone; 0 for a free one", low=0, high=MAX_PORT, default_text="8765")
    ] = 8765,
    ask: Annotated[
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
    """Serves a page on which the runs of a folder are asked; or writes one."""
    top = expanded(runs_dir)
    if export is not None:
        if ask:
            raise InputError("--export and --ask are both given; give one of them")
        folder = new_folder(export)
        import_tensorflow()
        from seq2seq_arith.trainer.playground import page

        page.export(top, folder)
        return
    packages.require("arith-model serve", "aiohttp", "serve")
    from seq2seq_arith.trainer.playground import catalog

    fragment = catalog.fragment(top, ask) if ask else ""
    import_tensorflow()
    from seq2seq_arith.trainer.playground import server

    server.serve(top, port, fragment)
