"""The program ``arith-model``, and what several of its commands share: runs, suites, lengths."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task_options import use_task_file
from seq2seq_arith.base.commands import Program
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Group, Option, Options, parameters_of
from seq2seq_arith.trainer import figures, plugins
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.plugins import INPUT_FORMAT, MODEL, POSITIONAL_ENCODING
from seq2seq_arith.trainer.quiet import require_tensorflow
from seq2seq_arith.trainer.runs.run import Run, local_folder, open_run

if TYPE_CHECKING:
    from seq2seq_arith.trainer.training.opened import OpenRun

ARITH_MODEL = Program(
    name="arith-model",
    does="Train networks on arithmetic tasks, evaluate them, prove them correct, and look inside.",
    examples=["train addition", "describe addition", "train --help"],
    setup=use_task_file,
)
# A command that needs TensorFlow refuses before it makes a dataset, or looks for a run.
command = functools.partial(ARITH_MODEL.command, before=require_tensorflow)

RUNS_DIR = (
    "a folder with runs, at most three levels below it; or the folder of one run; or pretrained:, the networks that "
    "come with the package"
)
RESUMES = "; the same command resumes from the last checkpoint, or starts again if there is none"


# Which questions of a suite are drawn; --seed is that of the training.
SuiteChoice = Annotated[
    SuiteOptions,
    Options(SuiteOptions, only=("per_slice", "seed", "version"), flags={"seed": "suite-seed"}),
]
REPLICAS = dataclasses.replace(parameters_of(TrainConfig)["replicas"].about, group=None)
CUSTOM = Group("custom code")


def _words(kind: plugins.Kind) -> str:
    return kind.option.replace("_", " ")


def _own(kind: plugins.Kind) -> Option:
    help = f"allow the run to execute the code of its custom {_words(kind)}"
    return Option(help, metavar=kind.form, group=CUSTOM)


def _own_of_any(kind: plugins.Kind) -> Option:
    help = f"allow runs to execute the code of this custom {_words(kind)}; may be repeated"
    return Option(help, metavar=kind.form, repeat=True, group=CUSTOM)


def one_run(
    run_dir: Annotated[str, Option("the folder of the run")],
    *,
    model: Annotated[str | None, _own(MODEL)] = None,
    input_format: Annotated[str | None, _own(INPUT_FORMAT)] = None,
    positional_encoding: Annotated[str | None, _own(POSITIONAL_ENCODING)] = None,
) -> Run:
    """The run in a folder, and permission for code of one's own that is named; raises as ``open_run``."""
    plugins.allow(model, input_format, positional_encoding)
    return open_run(run_dir)


def opened(run: Annotated[Run, Options(one_run)]) -> "OpenRun":
    """A run, opened once for all of a command."""
    from seq2seq_arith.trainer.training.opened import OpenRun

    return OpenRun(run)


def own_code(
    *,
    model: Annotated[Sequence[str], _own_of_any(MODEL)] = (),
    input_format: Annotated[Sequence[str], _own_of_any(INPUT_FORMAT)] = (),
    positional_encoding: Annotated[Sequence[str], _own_of_any(POSITIONAL_ENCODING)] = (),
) -> None:
    """Permission for code of one's own that is named."""
    plugins.allow(*model, *input_format, *positional_encoding)


def _picture_file(_: str, value: Any) -> Path:
    path = local_folder(value)
    figures.check_picture(path)
    return path


def _file(label: str, value: Any) -> Path:
    if (path := local_folder(value)).is_dir():
        raise InputError(f"--{label} is {value}, a folder; give a file")
    return path


# Files to write, refused before the work.
PictureOption = functools.partial(Option, read=_picture_file, metavar="FILE")
FileOption = functools.partial(Option, read=_file, metavar="FILE")
OneRun = Annotated[Run, Options(one_run)]
OpenedRun = Annotated["OpenRun", Options(opened)]
OwnCode = Annotated[None, Options(own_code)]
RunDirs = Annotated[Sequence[str], Option("the folders of the runs", metavar="RUN_DIR")]


def check_lengths(run: Run, lengths: Sequence[int]) -> None:
    """Raises InputError if a run's model cannot read one of the lengths; called before TensorFlow is imported."""
    for length in lengths:
        run.task_of_length(length)
