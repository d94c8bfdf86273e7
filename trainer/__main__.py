"""The program ``arith-model``: trains models on the datasets of ``arith-data``, and asks them."""

import argparse
import dataclasses
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from seq2seq_arith.pipelines import OPERATIONS, InputError, Task
from seq2seq_arith.trainer.config import MODELS, PRECISIONS, SCHEDULES, VIEWS, override
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import RECIPES, recipe
from seq2seq_arith.trainer.runs import open_run


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(prog="arith-model", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    _add_train(commands.add_parser("train", help="train a model on a dataset, or go on with a stopped run"))
    demo = commands.add_parser("demo", help="train all three tasks and end with one table")
    demo.add_argument("--data-dir", required=True, help="where arith-data wrote the three default datasets")
    demo.add_argument("--run-dir", required=True, help="a folder in which each task gets one")
    demo.add_argument("--replicas", type=int, help="logical CPU devices; default: all GPUs, or one CPU")
    evaluate = commands.add_parser("evaluate", help="score the best model of a run")
    evaluate.add_argument("run_dir", metavar="R", help="the folder of the run")
    evaluate.add_argument("--data-dir", help="default: the directory the run was trained from")
    evaluate.add_argument("--lengths", help="score random questions of these lengths as well: 6-18, or 1000,10000")
    evaluate.add_argument("--replicas", type=int, help="logical CPU devices; default: all GPUs, or one CPU")
    _add_dataset(evaluate, "another dataset than the run's own")
    predict = commands.add_parser("predict", help="answer questions as a person writes them, such as 39+3")
    predict.add_argument("run_dir", metavar="R", help="the folder of the run")
    predict.add_argument("questions", metavar="QUESTION", nargs="*", help="for pq: ---p--; - for standard input")
    predict.add_argument("--file", metavar="F", help="a file with a question a line")
    predict.add_argument("--json", action="store_true", help="a JSON object a line: question, answer, confidence")
    export = commands.add_parser("export", help="write the best model as a SavedModel and as a .keras file")
    export.add_argument("run_dir", metavar="R", help="the folder of the run")
    export.add_argument("out", metavar="OUT", help="a folder that is not there yet")
    return top


def _add_dataset(command: argparse.ArgumentParser, title: str) -> None:
    data = command.add_argument_group(title)
    data.add_argument("--digits", type=int, help="the most digits (or dashes) of an operand")
    data.add_argument("--num-examples", type=int)
    data.add_argument("--data-seed", type=int, dest="seed")
    data.add_argument("--reverse", action=argparse.BooleanOptionalAction, default=None)
    data.add_argument("--ordered", action=argparse.BooleanOptionalAction, default=None)


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("task", metavar="TASK", help=", ".join(OPERATIONS))
    train.add_argument("--data-dir", required=True, help="where arith-data wrote the dataset")
    train.add_argument("--run-dir", required=True, help="where the run's files go")
    train.add_argument("--recipe", default="best", help=f"{', '.join(RECIPES)}; the options below change it")
    _add_dataset(train, "the dataset, where it is not the task's default")
    model = train.add_argument_group("the model")
    model.add_argument("--model", dest="name", help=", ".join(MODELS))
    model.add_argument("--view", help=", ".join(VIEWS))
    model.add_argument("--hidden", type=int, help="units of a layer")
    model.add_argument("--layers", type=int)
    how = train.add_argument_group("the training")
    how.add_argument("--epochs", type=int, help="the most epochs")
    how.add_argument("--steps-per-epoch", type=int, help="default: a pass over the training set")
    how.add_argument("--batch-size", type=int, help="the global batch, shared among the replicas")
    how.add_argument("--learning-rate", type=float, help="the peak of the schedule")
    how.add_argument("--schedule", help=", ".join(SCHEDULES))
    how.add_argument("--warmup", type=float, help="the share of steps in which the learning rate rises")
    how.add_argument("--weight-decay", type=float)
    how.add_argument("--clip-norm", type=float, help="the most that the norm of the gradients may be")
    how.add_argument("--patience", type=int, help="stop after so many epochs without progress; 0: never")
    how.add_argument("--min-delta", type=float, help="the fall of the validation loss that is progress")
    how.add_argument("--target", type=float, help="stop at this exact match on the validation set")
    how.add_argument(
        "--seed", type=int, dest="train_seed", help="of the first weights and of the order of the examples"
    )
    how.add_argument("--replicas", type=int, help="logical CPU devices; default: all GPUs, or one CPU")
    how.add_argument("--xla", action=argparse.BooleanOptionalAction, default=None, help="compile with XLA")
    how.add_argument("--precision", help=", ".join(PRECISIONS))
    how.add_argument("--deterministic", action=argparse.BooleanOptionalAction, default=None)
    how.add_argument("--tensorboard", action="store_true", help="write for TensorBoard, into the run's folder")
    how.add_argument("--profile-steps", type=int, default=0, help="how many steps to profile for TensorBoard")
    how.add_argument("--checkpoint-seconds", type=float, help="the most between two checkpoints; default: 60")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; a question of dashes, such as ``---p--``, is a question and not an option.

    Raises:
      InputError: There is one that is unknown, or of the wrong kind.
    """
    args, rest = parser().parse_known_args(argv)
    if args.command == "predict":
        args.questions += [argument for argument in rest if DASHES.fullmatch(argument)]
        rest = [argument for argument in rest if not DASHES.fullmatch(argument)]
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
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal() or part.endswith("-"):
            raise InputError(f"lengths is {text!r}; give whole numbers and ranges such as 6-18 or 1000,10000")
        lengths += range(int(first), int(last or first) + 1)
    return lengths


COMMANDS = {"train": train, "demo": run_demo, "evaluate": evaluate, "predict": predict, "export": export}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: The arguments; None for those of the process.

    Returns:
      0 if all went well, 1 if the training diverged or lost a machine, 2 for input that cannot be used.
    """
    try:
        args = parse(argv)
        return COMMANDS[args.command](args)
    except InputError as error:
        print(f"arith-model: {error}", file=sys.stderr)
        return 2
    except (ArithmeticError, ConnectionError) as error:
        print(f"arith-model: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("arith-model: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
