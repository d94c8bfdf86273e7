"""``arith-model predict``, ``inspect``, ``export`` and ``serve``: questions to the best model of a run."""

import argparse
import json

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Parser, check_int, whole_number
from seq2seq_arith.base.terminal import SUCCESS, printable, say
from seq2seq_arith.trainer import drawing, plugins
from seq2seq_arith.trainer.arguments import RUNS_DIR, add_own_code, add_run, command
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs.run import local_folder, new_folder, open_with

MAX_PORT = 2**16 - 1


def _predict_options(predict: Parser) -> None:
    add_run(predict)
    predict.add_argument(
        "questions",
        metavar="QUESTION",
        nargs="*",
        help="39+3, or ---p-- for pq; in short, 9{20}+1 or 300p2; - reads standard input",
    )
    predict.add_argument("--file", help="a file with one question per line")
    predict.add_argument("--json", action="store_true", help="JSON, a line per question: prediction, confidence")
    predict.add_argument("--skip", action="store_true", help="skip what is no question; with --json, it has an error")


@command(
    "answer questions as a person writes them, such as 39+3",
    _predict_options,
    "predict runs/addition 39+3 12+345",
    "predict runs/addition --file questions.txt --json",
    prints_data=True,
)
def predict(args: argparse.Namespace) -> int:
    run = open_with(args.run_dir, args.model, args.view)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import prediction

    questions = prediction.read_questions(args.questions, args.file)
    prediction.print_answers(run, questions, as_json=args.json, skip=args.skip)
    return SUCCESS


def _inspect_options(inspect: Parser) -> None:
    add_run(inspect)
    inspect.add_argument("questions", metavar="QUESTION", nargs="*", help="one question: 39+3, or ---p-- for pq")
    inspect.add_argument("-o", "--output", metavar="FILE", help="draw it: a .png, .svg or .pdf file")
    inspect.add_argument("--json", action="store_true", help="print everything as one JSON object")


@command(
    "look inside a model while it answers: probabilities, attention, states",
    _inspect_options,
    "inspect runs/addition 999+1",
    "inspect runs/pq ---p-- -o pq.png",
    prints_data=True,
)
def inspect(args: argparse.Namespace) -> int:
    run = open_with(args.run_dir, args.model, args.view)
    if len(args.questions) != 1:
        count = f"are {len(args.questions)} questions" if args.questions else "is no question"
        raise InputError(f"there {count}; give one, such as {text.example(run.task)}")
    question = text.parse(args.questions[0], run.task, run.most_digits)
    path = None if args.output is None else local_folder(args.output)
    if path:
        drawing.check_picture(path)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import inspection
    from seq2seq_arith.trainer.training import session

    found = inspection.inspect(session.restore(run, question.task), question)
    if path:
        inspection.draw(path, found)
    say(json.dumps(found.to_json()) if args.json else found.text())
    if path and not args.json:
        say(f"\n{printable(path)}")
    return SUCCESS


def _export_options(export: Parser) -> None:
    add_run(export)
    export.add_argument("out", metavar="OUT_DIR", help="a folder that does not exist yet")


@command("write the best model as a SavedModel and as a .keras file", _export_options, "export runs/addition exported")
def export(args: argparse.Namespace) -> int:
    run = open_with(args.run_dir, args.model, args.view)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import export

    export.export(run, args.out)
    return SUCCESS


def _serve_options(serve: Parser) -> None:
    serve.add_argument("runs_dir", metavar="RUNS_DIR", help=RUNS_DIR)
    serve.add_argument(
        "--port", type=whole_number, default=8765, help="on this machine alone; 0 for a free one (default: 8765)"
    )
    way = serve.add_mutually_exclusive_group()
    way.add_argument(
        "--ask",
        metavar="WORD",
        nargs="+",
        help="what the page asks first: a run by the name of its folder, another one if you like, and a question",
    )
    way.add_argument(
        "--export",
        metavar="DIR",
        help="write a page that needs neither a server nor this program: it answers in the browser, with the weights "
        "of those runs whose networks it can compute",
    )
    add_own_code(serve)


@command(
    "show a page on which you ask the runs of a folder, and watch them write",
    _serve_options,
    "serve runs",
    "serve runs --port 8000",
    "serve runs --ask random-pairs subtraction 500-500",
    "serve runs --export page",
    prints_data=True,
)
def serve(args: argparse.Namespace) -> int:
    top = expanded(args.runs_dir)
    plugins.allow(*args.model, *args.view)
    if args.export is not None:
        folder = new_folder(args.export)
        import_tensorflow()
        from seq2seq_arith.trainer.playground import export

        export.export(top, folder)
        return SUCCESS
    check_int("port", args.port, 0, MAX_PORT)
    packages.require("arith-model serve", "aiohttp", "serve")
    from seq2seq_arith.trainer.playground import catalog

    fragment = catalog.fragment(top, args.ask) if args.ask else ""
    import_tensorflow()
    from seq2seq_arith.trainer.playground import server

    server.serve(top, args.port, fragment)
    return SUCCESS
