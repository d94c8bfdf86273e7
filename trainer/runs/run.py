"""The folder of a run: its files, and the configuration that describes the run."""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import Question
from seq2seq_arith.base.checks import did_you_mean
from seq2seq_arith.base.decoding import MalformedError
from seq2seq_arith.base.errors import InputError, WriteError, shown
from seq2seq_arith.base.files import expanded, file_lock, remove_temporaries
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, TrainConfig
from seq2seq_arith.trainer.runs import stores
from seq2seq_arith.trainer.runs.files import read_json, write_json

TASK_FILE = "task_file"
# Options that may differ when a run is resumed, because they do not change what is learned: the sums of more replicas
# are rounded differently, as are those of other kernels, and a network with noise draws other noise.
NOT_COMPARED = {"replicas", "deterministic", "xla", "checkpoint_seconds", "keep_epochs", "directory", TASK_FILE}
# May be larger when a run is resumed whose configuration ``fits_more_epochs``.
EPOCHS = "train.epochs"
# May differ when a run is resumed, because they only decide when it ends.
ENDS = {"patience", "target", "prove"}
# Runs that come with the package: pretrained:addition. ``benchmarks/pretrained.py`` makes them again.
PRETRAINED, PRETRAINED_RUNS = "pretrained:", Path(__file__).parents[1] / "pretrained"
# The default folder of all runs.
RUNS = "runs"
CONFIG, LOCK, ELSEWHERE = "config.json", ".lock", "give another --run-dir"
EPOCHS_FOLDER = "epochs"
# Runs are looked for so many folders below the given one, because a sweep has them two below; an error names so many.
DEPTH, MOST_NAMED = 3, 8
# The files of a training from its first checkpoint on; without them, its options do not bind the next training.
TRAINED = ("best.npz", "last.npz", "previous.npz", "history.csv")


@dataclasses.dataclass(frozen=True)
class _Data:
    """The dataset of a run, as ``config.json`` describes it."""

    parameters: dict[str, Any]
    sha256: str
    directory: str
    task_file: str | None = None

    @property
    def task(self) -> Task:
        """The task of these parameters; for a custom task, the input error names its file."""
        try:
            return Task.from_parameters(self.parameters)
        except InputError as error:
            raise InputError(str(error).replace("FILE.py", self.task_file or "FILE.py")) from None


@dataclasses.dataclass(frozen=True)
class _Content:
    """The content of ``config.json``."""

    data: _Data
    train: dict[str, Any]


def _file(name: str) -> Any:
    """A property of a run: the path of a file in its folder."""
    return property(lambda run: run.folder / name)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run: its folder, its data and its configuration."""

    folder: Path  #: the folder of all its files
    task: Task  #: the parameters of its dataset
    sha256: str  #: of the dataset's metadata, which contains the checksums of all files
    data_dir: str  #: the directory of the dataset when the run was trained
    config: TrainConfig  #: the configuration of the model and of the training

    @property
    def place(self) -> str:
        """The folder as people name it: a path, or the URL of which the folder is a copy."""
        return stores.shown(self.folder)

    @property
    def is_pretrained(self) -> bool:
        """Whether it came with the package, in whose folders nothing is written, by whatever path they are named."""
        return PRETRAINED_RUNS.resolve() in self.folder.resolve().parents

    @property
    def title(self) -> str:
        return printable(f"{self.task.config_name}: {self.config.model.name}, {self.config.model.input_format}")

    config_path = _file(CONFIG)
    best, last = _file("best.npz"), _file("last.npz")
    previous = _file("previous.npz")  # the checkpoint before the last one, in case that is damaged
    history, plot = _file("history.csv"), _file("history.png")
    samples = _file("samples.jsonl")  # the answers to a few fixed questions after every epoch
    summary = _file("summary.json")
    proof = _file("proof.json")  # what ``prove`` found about the best weights
    certificate = _file("certificate.npz")  # what a proof that holds rests on; ``proving/check`` reads it
    evaluation = _file("evaluation.json")  # what ``evaluate`` found on the run's own data
    epochs_plot = _file("epochs.png")  # what it found of every kept epoch
    search = _file("search.json")  # what ``search`` found

    def of_epoch(self, epoch: int) -> Path:
        """The weights after an epoch, counted from 1, if they are kept."""
        return self.folder / EPOCHS_FOLDER / f"{epoch:04d}.npz"

    def weights(self, epoch: int | None) -> Path:
        """The file of the weights after an epoch, or of the best ones; raises InputError if they are not kept."""
        if epoch is not None and epoch not in self.kept_epochs:
            raise InputError(f"the weights after epoch {epoch} of {self.place} are not kept; choose another epoch")
        return self.best if epoch is None else self.of_epoch(epoch)

    @property
    def kept_epochs(self) -> list[int]:
        """The epochs whose weights are there, in order; none if the run was trained without ``keep_epochs``."""
        names = (path.stem for path in (self.folder / EPOCHS_FOLDER).glob("*.npz"))
        return sorted(int(name) for name in names if re.fullmatch("[0-9]{4,7}", name))

    @property
    def max_size(self) -> int:
        """The length of the longest operand that the model can read, in digits or dashes."""
        return self.task.operation.max_size if self.config.model.any_length else self.task.size

    def parse(self, question: str) -> Question:
        """A question as a person writes it; raises InputError if this model cannot read it."""
        return text.parse(question, self.task, self.max_size)

    def tasks_of_sizes(self, lengths: Iterable[int] = ()) -> dict[int, Task]:
        """The task by length D: the run's own, and one per further length; raises InputError as ``task_of_length``."""
        own = self.task.size
        return {own: self.task} | {size: self.task_of_length(size) for size in lengths if size != own}

    def task_of_length(self, length: int) -> Task:
        """The task of this run with operands of this length; raises InputError if the model cannot read them."""
        if length < 1:
            raise InputError(f"length is {length}; give lengths from 1")
        if not self.task.notation.has_lengths:
            raise InputError(f"length is {length}, but {self.task.name} has no longer operands; leave --lengths out")
        task = dataclasses.replace(self.task, size=max(length, self.task.size))
        if task.size > self.max_size:
            raise self.too_long(length)
        return task

    def too_long(self, length: int) -> InputError:
        """The input error for a length that the model cannot read."""
        return InputError(
            f"length is {length}, but model {self.config.model.name!r} has weights for every position of the string "
            f"and reads operands of at most {self.task.size}; give no longer ones, or a run of another model"
        )

    def to_json(self) -> dict[str, Any]:
        """The content of ``config.json``; ``open_run`` reads it back."""
        data = {"parameters": self.task.parameters(), "sha256": self.sha256, "directory": self.data_dir}
        data |= {TASK_FILE: self.task.code} if self.task.code else {}
        return {"data": data, "train": self.config.to_json()}

    def fingerprint(self) -> int:
        """A 31-bit hash of the options that must be the same when a run is resumed."""
        compared = json.dumps(_compared(self.to_json()))
        return int.from_bytes(hashlib.sha256(compared.encode()).digest()[:4], "big") >> 1

    def check_folder(self) -> "Run | None":
        """The run in the folder, None if none has been trained there; raises InputError if this run may not use it.

        A run with a constant learning rate and batch may be resumed with more epochs, and any run with another patience
        or target before its first round.
        """
        existing = existing_run(self.folder, self.task)
        if existing is None:
            return None
        if existing.sha256 != self.sha256:
            raise InputError(
                f"{self.place} contains a run on other data of the same name, {existing.sha256[:12]} there and "
                f"{self.sha256[:12]} here; {ELSEWHERE}"
            )
        different = differences(existing.to_json(), self.to_json())
        for name in ENDS:
            different.pop(f"train.{name}", None)
        old, new = existing.config, self.config
        goes_further = list(different) == [EPOCHS] and new.epochs > old.epochs
        if not different or (goes_further and old.fits_more_epochs):
            return existing
        quantity = "learning rate" if old.schedule != "constant" or old.warmup else "batch or validation"
        reason = f", whose {quantity} changes over its epochs" if goes_further else ""
        raise InputError(
            f"{self.place} contains a run with other options ({'; '.join(different.values())}){reason}; "
            f"{ELSEWHERE}, or the same options to resume it"
        )

    def locked(self, writes: bool = True) -> contextlib.AbstractContextManager[None]:
        """Locks the folder, which is created, against other trainings. See ``stores`` for a run in a store."""
        if not writes:
            return contextlib.nullcontext()
        return file_lock(self.folder / LOCK, self.place, "another process is training", ELSEWHERE)

    def write_config(self, writes: bool = True) -> None:
        """Takes the folder for this run: writes the configuration, unless a trained run has it already."""
        existing = self.check_folder()
        if not writes:
            return
        remove_temporaries(self.folder)
        new = self
        if existing is not None:
            changed = {name: getattr(self.config, name) for name in ("epochs", *ENDS)}
            new = dataclasses.replace(existing, config=dataclasses.replace(existing.config, **changed))
            if new == existing:
                return
        try:
            write_json(self.config_path, new.to_json())
        except WriteError as error:
            raise InputError(str(error)) from None


def existing_run(folder: Path, task: Task) -> Run | None:
    """The run in a folder, if a run on this task may use the folder; None if nothing has been trained there."""
    place = stores.shown(folder)
    if folder.parent == PRETRAINED_RUNS:
        raise InputError(f"{place} comes with the package and cannot be changed; {ELSEWHERE}")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{place} is a file; give a --run-dir that is a folder, or does not exist")
    # Lists the folder only once, because another machine may write the configuration, always the first file.
    names = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    if CONFIG not in names:
        if others := [name for name in names if not name.startswith(".")]:
            raise InputError(f"{place} is not a run and has other files, for example {others[0]}; give a new --run-dir")
        return None
    existing = open_run(folder)
    if not set(TRAINED) & set(names):
        return None
    if existing.task.config_name != task.config_name:
        raise InputError(
            f"{place} contains a run on {existing.task.config_name}, not on {task.config_name}; {ELSEWHERE}"
        )
    return existing


def open_run(folder: str | Path) -> Run:
    """Reads the run in a folder; raises InputError if the folder is not that of a run."""
    folder = run_folder(str(folder))
    place, path = stores.shown(folder), folder / CONFIG
    try:
        content = read_json(path, _Content)
        data, config = content.data, TrainConfig.from_json(content.train)
        return Run(folder, data.task, data.sha256, data.directory, config)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(_why_not_a_run(folder)) from None
    except OSError as error:
        raise InputError(f"{place}/{CONFIG} cannot be read: {error.strerror or error}; give another folder") from None
    except MalformedError as error:
        raise InputError(
            f"{place}/{CONFIG} is not the configuration of a run ({error}); give the folder of one"
        ) from None
    except InputError as error:
        raise InputError(f"{place}/{CONFIG} cannot be used: {error}") from None


def runs_below(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """The folders of runs at or below a folder, but not behind links, depth first; a run contains no other runs."""
    try:
        with os.scandir(folder) as entries:
            names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    except OSError:  # of another user
        return
    if CONFIG in names:
        yield folder
    elif depth:
        for name in sorted(name for name, is_folder in names.items() if is_folder and not name.startswith(".")):
            yield from runs_below(folder / name, depth - 1)


def _why_not_a_run(folder: Path) -> str:
    """The input error for a folder without a configuration: it is missing, contains runs, or has something else."""
    place, advice = stores.shown(folder), "give the --run-dir of arith-model train"
    if folder == PRETRAINED_RUNS:
        return f"{PRETRAINED} is followed by the name of a network; give one of {', '.join(pretrained_names())}"
    if not folder.exists():
        names = [str(path.parent) for path in folder.parent.glob(f"*/{CONFIG}")]
        names += [f"{PRETRAINED}{name}" for name in pretrained_names()] if ":" in place else []
        return f"there is no folder {place}{did_you_mean(place, names) or f'; {advice}'}"
    if not folder.is_dir():
        return f"{place} is a file, not the folder of a run; {advice}"
    if runs := [stores.shown(run) for run in itertools.islice(runs_below(folder), MOST_NAMED + 1)]:
        more = ", …" if len(runs) > MOST_NAMED else ""
        return f"{place} is not a run, but contains runs; give one of {', '.join(runs[:MOST_NAMED])}{more}"
    return f"{place} is not a run: it has no {CONFIG}; {advice}"


def run_folder(name: str) -> Path:
    """The folder of a run that a path or a URL names; of a URL, this process's copy.

    ``pretrained:NAME`` is a run that comes with the package, and ``pretrained:`` is the folder of all of them.

    Raises InputError if no such run comes with the package, and as ``local_folder``.
    """
    if name.startswith(PRETRAINED):
        name, names = name.removeprefix(PRETRAINED), pretrained_names()
        if name and name not in names:
            listing = f"give one of {', '.join(names)}{did_you_mean(name, names)}"
            raise InputError(f"no pretrained network is called {shown(name)}; {listing}")
        return PRETRAINED_RUNS / name
    return stores.working_copy(name) if "://" in name else local_folder(name)


def runs_folder(name: str) -> Path:
    """The folder of runs that a path names; ``pretrained:`` is that of the runs that come with the package."""
    return run_folder(name) if name.startswith(PRETRAINED) else local_folder(name)


def folder_of(run_dir: str | Path | None, task: Task) -> str:
    """The folder for the run of a task: ``runs/TASK`` unless another one is given."""
    return str(run_dir if run_dir is not None else Path(RUNS, task.name))


def pretrained_names() -> list[str]:
    """The names of the runs that come with the package, in alphabetical order."""
    return sorted(path.name for path in PRETRAINED_RUNS.iterdir() if (path / CONFIG).is_file())


def local_folder(folder: str) -> Path:
    """The path of a folder on a disk; raises InputError if the name is empty, or that of an object store."""
    if not folder:
        raise InputError("the folder has an empty name; give a folder, or . for this one")
    if "://" in folder:
        raise InputError(
            f"{folder} is not on a disk of this machine; give a folder, such as one that the store is mounted on"
        )
    return expanded(folder)


def new_folder(folder: str) -> Path:
    """As ``local_folder``, for a new folder; raises InputError also if it exists."""
    path = local_folder(folder)
    if path.exists():
        raise InputError(f"{path} exists already; give a folder that does not exist")
    return path


def absolute(place: str) -> str:
    """The absolute path of a directory; a URL stays as it is."""
    return place if "://" in place else str(expanded(place).absolute())


def differences(existing: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """The options in which two runs, as JSON, differ; each with a phrase that says how."""
    old, new = _compared(existing), _compared(new)
    return {
        key: f"{key} is {old.get(key)} there and {new.get(key)} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    }


def _compared(values: dict[str, Any]) -> dict[str, Any]:
    """The options that must be the same, by their dotted names; one that is not given has its default."""
    defaults = {f"train.model.{name}": default for name, default in NETWORK_OPTIONS.items()}
    options: dict[str, Any] = dict(item for item in _flat(values) if item[1] is not None or item[0] not in defaults)
    if options.get("train.model.ffn_dim") == 4 * options.get("train.model.hidden", 0):
        del options["train.model.ffn_dim"]
    compared = sorted({**defaults, **options}.items())
    return {key: value for key, value in compared if key.rpartition(".")[2] not in NOT_COMPARED}


def _flat(values: dict[str, Any], prefix: str = ""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
