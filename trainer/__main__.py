"""The program ``arith-model``: trains models on the datasets of ``arith-data``, and asks them."""

import argparse
import dataclasses
import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from seq2seq_arith.pipelines import OPERATIONS, InputError, Task
from seq2seq_arith.trainer.config import MAX_STEPS_A_CALL, MODELS, PRECISIONS, SCHEDULES, VIEWS, override
from seq2seq_arith.trainer.errors import TrainingError
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import RECIPES, recipe
from seq2seq_arith.trainer.runs import local_folder, open_run

REPLICAS = "logical CPU devices; default: all GPUs, or one CPU"
MAX_LENGTH = 10**6


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(
        prog="arith-model",
        description="Trains models on the datasets that arith-data makes, scores them, and asks them questions.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    _add_train(_command(commands, "train", "train a model on a dataset, or go on with a stopped run"))
    demo = _command(commands, "demo", "train addition, subtraction and pq, and end with one table")
    demo.add_argument("--data-dir", required=True, help="where arith-data wrote the three default datasets")
    demo.add_argument("--run-dir", required=True, help="a folder in which each task gets one")
    demo.add_argument("--replicas", type=int, help=REPLICAS)
    evaluate = _command(commands, "evaluate", "score the best model of a run, and say where it errs")
    evaluate.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    evaluate.add_argument("--data-dir", help="default: the directory that the run was trained from")
    evaluate.add_argument("--lengths", help="ask 1,000 random questions of each of these lengths: 6-18, or 1000,10000")
    evaluate.add_argument("--replicas", type=int, help=REPLICAS)
    _add_dataset(evaluate, "another dataset than the run's own")
    predict = _command(commands, "predict", "answer questions as a person writes them, such as 39+3")
    predict.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    predict.add_argument(
        "questions", metavar="QUESTION", nargs="*", help="39+3 say, or ---p-- for pq; - reads them from standard input"
    )
    predict.add_argument("--file", help="a file with a question a line")
    predict.add_argument("--json", action="store_true", help="a JSON object a line: question, answer, confidence")
    export = _command(commands, "export", "write the best model as a SavedModel and as a .keras file")
    export.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    export.add_argument("out", metavar="OUT_DIR", help="a folder that is not there yet")
    return top


def _command(commands: Any, name: str, does: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.", allow_abbrev=False)


def _add_dataset(command: argparse.ArgumentParser, title: str) -> None:
    data = command.add_argument_group(title, "As it was made with arith-data; what is not given is the task's default.")
    data.add_argument("--digits", type=int, help="the most digits (or dashes) of an operand")
    data.add_argument("--num-examples", type=int, help="train and validation together")
    data.add_argument("--data-seed", type=int, dest="seed", help="what arith-data calls --seed")
    data.add_argument(
        "--reverse", action=argparse.BooleanOptionalAction, default=None, help="questions are stored from their end"
    )
    data.add_argument(
        "--ordered", action=argparse.BooleanOptionalAction, default=None, help="a+b and b+a are two examples"
    )


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("task", metavar="TASK", help=", ".join(OPERATIONS))
    train.add_argument("--data-dir", required=True, help="where arith-data wrote the dataset")
    train.add_argument("--run-dir", required=True, help="where the run's files go")
    train.add_argument(
        "--recipe",
        default="best",
        help=f"{', '.join(RECIPES)} (default: best); the options below change it, and config.json in the run's folder "
        "says what it came to",
    )
    _add_dataset(train, "the dataset")
    model = train.add_argument_group("the model")
    model.add_argument("--model", dest="name", help=", ".join(MODELS))
    model.add_argument("--view", help=f"how the model sees the string: {', '.join(VIEWS)}")
    model.add_argument("--hidden", type=int, help="units of a layer")
    model.add_argument("--layers", type=int)
    how = train.add_argument_group("the training")
    how.add_argument("--epochs", type=int, help="the most epochs")
    how.add_argument("--steps-per-epoch", type=int, help="default: a pass over the training set")
    how.add_argument("--batch-size", type=int, help="the global batch, shared among the replicas")
    how.add_argument("--learning-rate", type=float, help="the peak of the schedule")
    how.add_argument("--schedule", help=", ".join(SCHEDULES))
    how.add_argument("--warmup", type=float, help="the share of steps in which the learning rate rises")
    how.add_argument("--weight-decay", type=float, help="decoupled, as in AdamW; 0: Adam")
    how.add_argument("--clip-norm", type=float, help="the most that the norm of the gradients may be")
    how.add_argument("--patience", type=int, help="stop after so many epochs without progress; 0: never")
    how.add_argument("--min-delta", type=float, help="the fall of the validation loss that is progress")
    how.add_argument("--target", type=float, help="stop at this exact match on the validation set")
    how.add_argument(
        "--seed", type=int, dest="train_seed", help="of the first weights and of the order of the examples"
    )
    how.add_argument("--replicas", type=int, help=REPLICAS)
    how.add_argument("--xla", action=argparse.BooleanOptionalAction, default=None, help="compile with XLA")
    how.add_argument("--precision", help=f"{', '.join(PRECISIONS)}; mixed for GPUs that have it")
    how.add_argument(
        "--deterministic",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="use only kernels that give the same bits each time",
    )
    how.add_argument("--tensorboard", action="store_true", help="write for TensorBoard, into the run's folder")
    how.add_argument("--profile-steps", type=int, default=0, help="the most steps to profile for TensorBoard")
    how.add_argument("--checkpoint-seconds", type=float, help="the most between two checkpoints; default: 60")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; a question of dashes, such as ``---p--``, is a question and not an option.

    Raises:
      InputError: There is one that is unknown, or of the wrong kind.
    """
    args, rest = parser().parse_known_args(argv)
    if args.command == "predict":
        args.questions += [argument for argument in rest if DASHES.fullmatch(argument)]
        rest = [argument for argument in rest if not DASHES.fullmatch(argument) and argument != "--"]
    if rest:
        raise InputError(f"unrecognized arguments: {' '.join(rest)}; see arith-model {args.command} --help")
    return args


DASHES = re.compile("-+[a-z]-*")
DATASET_OPTIONS = ("digits", "num_examples", "seed", "reverse", "ordered")
TRAIN_OPTIONS = (
    *("name", "view", "hidden", "layers", "epochs", "steps_per_epoch", "batch_size", "learning_rate", "schedule"),
    *("warmup", "weight_decay", "clip_norm", "patience", "min_delta", "target", "replicas", "xla", "precision"),
    *("deterministic", "checkpoint_seconds"),
)


def _given(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def train(args: argparse.Namespace) -> int:
    task = Task(args.task, **_given(args, DATASET_OPTIONS))
    config = override(recipe(args.recipe, task.name), **_given(args, TRAIN_OPTIONS), seed=args.train_seed)
    if not 0 <= args.profile_steps <= MAX_STEPS_A_CALL:
        raise InputError(f"profile-steps is {args.profile_steps}; give 0 to {MAX_STEPS_A_CALL}")
    local_folder(args.run_dir)
    import_tensorflow()
    from seq2seq_arith.trainer import demo, devices, session

    trained = session.train(
        task,
        args.data_dir,
        args.run_dir,
        config,
        tensorboard=args.tensorboard or args.profile_steps > 0,
        profiled_steps=args.profile_steps,
    )
    if devices.is_chief():
        demo.show([trained])
    return 0


def run_demo(args: argparse.Namespace) -> int:
    import_tensorflow()
    from seq2seq_arith.trainer import demo

    demo.run(args.data_dir, args.run_dir, args.replicas)
    return 0


def evaluate(args: argparse.Namespace) -> int:
    run, lengths = open_run(args.run_dir), parse_lengths(args.lengths)
    for length in lengths:
        run.task_of_length(length)  # refused before TensorFlow is imported
    task = dataclasses.replace(run.task, **_given(args, DATASET_OPTIONS))
    import_tensorflow()
    from seq2seq_arith.trainer import evaluation

    evaluation.run(run, task=task, data_dir=args.data_dir, lengths=lengths, replicas=args.replicas)
    return 0


def predict(args: argparse.Namespace) -> int:
    run = open_run(args.run_dir)
    import_tensorflow()
    from seq2seq_arith.trainer import prediction

    prediction.run(run, prediction.read_questions(args.questions, args.file), as_json=args.json)
    return 0


def export(args: argparse.Namespace) -> int:
    run = open_run(args.run_dir)
    import_tensorflow()
    from seq2seq_arith.trainer import export

    export.run(run, args.out)
    return 0


def parse_lengths(text: str | None) -> list[int]:
    """``6-8,12`` as [6, 7, 8, 12].

    Raises:
      InputError: It is no such list.
    """
    lengths: list[int] = []
    for part in (text or "").split(",") if text else []:
        found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= MAX_LENGTH:
            raise InputError(
                f"lengths is {text!r}; give whole numbers up to {MAX_LENGTH:,} and rising ranges, such as 6-18 or "
                "1000,10000"
            )
        lengths += range(first, last + 1)
    return lengths


COMMANDS = {"train": train, "demo": run_demo, "evaluate": evaluate, "predict": predict, "export": export}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: The arguments; None for those of the process.

    Returns:
      0 if all went well, 1 for a failure, 2 for input that cannot be used, 130 if it was interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # the marks in the tables are in no Latin alphabet
    signal.signal(signal.SIGTERM, _stop)
    args = None
    try:
        args = parse(argv)
        return COMMANDS[args.command](args)
    except InputError as error:
        return _fail(str(error), 2)
    except TrainingError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        # Who reads us has seen enough. Python would complain once more when it flushes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from the last checkpoint, or starts anew if there is none"
        return _fail(f"stopped{goes_on if args and args.command in ('train', 'demo') else ''}", 130)


def _fail(message: str, code: int) -> int:
    print(f"arith-model: {message}", file=sys.stderr)
    return code


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
