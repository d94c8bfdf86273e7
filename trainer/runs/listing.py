"""The runs in a folder, and how far each of them is; nothing here imports TensorFlow."""

import dataclasses
import enum
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from seq2seq_arith.arithmetic.scoring import in_brief
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.base.decoding import parse
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import is_locked
from seq2seq_arith.base.tables import cut, table
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.pipelines.formats.layout import NAME
from seq2seq_arith.trainer.runs import checkpoints, evaluated, history, stores
from seq2seq_arith.trainer.runs.run import CONFIG, LOCK, Run, open_run, run_folder, runs_below

S = TypeVar("S")
T = TypeVar("T")
HEADER = ("run", "task", "model", "input format", "epochs", "best", "exact match", "worst slice", "state")


class RunState(enum.StrEnum):
    """How far a run is."""

    FINISHED = enum.auto()
    STOPPED = enum.auto()  # the same command resumes it
    TRAINING = enum.auto()
    DAMAGED = enum.auto()
    REFUSED = enum.auto()  # whole, but its task is a custom one whose file was not named


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A run in a list; what is not known of it is None."""

    name: str  # its folder, below the folder of all runs
    state: RunState
    why: str = ""  # it is damaged, or refused
    task: str | None = None
    dataset: str | None = None
    model: str | None = None
    input_format: str | None = None
    epochs: int | None = None  # that are done
    most_epochs: int | None = None  # that were asked for
    best_epoch: int | None = None
    exact_match: float | None = None  # on the validation set, in the best epoch
    worst_slice: str | None = None  # of the suite at the size of the dataset
    worst: float | None = None  # the share of right answers there

    def cells(self) -> list[str]:
        """A row of a table with ``HEADER``."""
        return [
            printable(self.name),
            self.task or "-",
            printable(self.model or "-"),
            printable(self.input_format or "-"),
            "-" if self.epochs is None else f"{self.epochs} of {self.most_epochs}",
            str(self.best_epoch or "-"),
            "-" if self.exact_match is None else cut(self.exact_match, 4),
            "-" if self.worst is None or self.worst_slice is None else in_brief(self.worst_slice, self.worst),
            str(self.state),
        ]


def folders(top: Path) -> dict[str, Path]:
    """The folders of runs at or below a folder, but not behind links, by the names that people see, in their order."""
    if not top.is_dir():
        raise InputError(f"there is no folder {top}; give one that contains runs of arith-model train")
    runs = list(runs_below(top))
    names = {str(folder.relative_to(top)) if folder != top else top.absolute().name: folder for folder in runs}
    if not names and (top / NAME).is_dir():
        raise InputError(f"{top} contains datasets, not runs; give the folder of your runs, such as runs")
    if not names:
        command = shlex.join(["arith-model", "train", "addition", "--data-dir", "data", "--run-dir", f"{top}/addition"])
        raise InputError(f"{top} contains no run; train one first: {command}")
    return names


def refuse_links(folder: Path) -> None:
    """Raises InputError if something in the folder of a run is a link: it may lead anywhere."""
    if link := next((path for path in folder.rglob("*") if path.is_symlink()), None):
        raise InputError(f"{link} is a link, which may lead out of the folder of runs; put a copy there")


def entry(name: str, folder: Path) -> Entry:
    """The entry of a run in a list; a fault of the run is reported there, and hides no other run."""
    try:
        run = open_run(folder)
    except Exception as error:
        return Entry(name=name, state=RunState.REFUSED if _is_whole(folder) else RunState.DAMAGED, why=why(error))
    model = run.config.model
    stopped = Entry(
        name=name,
        state=RunState.STOPPED,
        task=run.task.name,
        dataset=run.task.config_name,
        model=model.name.rpartition("/")[2],
        input_format=model.input_format.rpartition("/")[2],
        most_epochs=run.config.epochs,
    )
    try:
        return dataclasses.replace(stopped, **_reached(run), state=state_of(run))
    except Exception as error:
        return dataclasses.replace(stopped, state=RunState.DAMAGED, why=why(error))


def why(error: Exception) -> str:
    """Why a run cannot be used: also a fault of ours hides no other run."""
    return str(error) if isinstance(error, InputError) else f"it cannot be read ({type(error).__name__}: {error})"


def opened(folders: Sequence[str]) -> dict[str, Run]:
    """The runs in folders, by their labels. Of several folders, damaged ones are left out with a note.

    Raises InputError if a folder does not exist, which is a misspelt name, before a minute of work is spent on others.
    """
    for folder in folders:
        if not run_folder(folder).exists():
            open_run(folder)  # raises InputError
    return usable(dict(zip(history.labels(folders), folders, strict=True)), lambda _, folder: open_run(folder))


def usable(runs: Mapping[str, S], use: Callable[[str, S], T]) -> dict[str, T]:
    """The results of a function of runs, by label. Of several runs, unusable ones are left out with a note."""
    results = {}
    for label, run in runs.items():
        try:
            results[label] = use(label, run)
        except InputError as error:
            if len(runs) == 1:
                raise
            say(printable(f"left out: {label}: {error}"))
    if not results:
        raise InputError("none of these runs can be used; give others")
    return results


def state_of(run: Run) -> RunState:
    """How far a run is; raises InputError if one of its files is damaged, or its best checkpoint is missing."""
    lock = run.folder / LOCK
    try:
        if is_locked(lock):
            return RunState.TRAINING
    except OSError as error:
        raise InputError(f"{stores.shown(lock)} cannot be read: {error.strerror or error}; remove it") from None
    if history.of_run(run):
        checkpoints.load(run.best)
    if run.last.exists():
        _, state = checkpoints.load(run.last)
        if not state.get("stopped"):
            return RunState.STOPPED
    return RunState.FINISHED if run.summary.exists() else RunState.STOPPED  # after proof and rounds


def _reached(run: Run) -> dict[str, int | float | str | None]:
    """The fields of an entry for the results of a run."""
    rows = history.read_csv(run.history)
    best = history.best(rows)
    fields: dict[str, int | float | str | None] = {"epochs": sum(not row["round"] for row in rows)}
    if best:
        fields |= {"best_epoch": best["epoch"], "exact_match": best["val_exact_match"]}
    scores = evaluated.read(run, best["epoch"] if best else None)
    worst = scores and scores.select(STANDARD, run.task.size).worst()
    return fields | ({"worst_slice": worst.slice, "worst": worst.exact_match} if worst else {})


def _is_whole(folder: Path) -> bool:
    """Whether the configuration of a run is a JSON object."""
    try:
        return isinstance(parse((folder / CONFIG).read_bytes()), dict)
    except (OSError, InputError):
        return False


def text(entries: Sequence[Entry]) -> str:
    """The runs as a table, and below it a sentence for each that is damaged or refused."""
    reasons = [printable(f"{entry.name} is {entry.state}: {entry.why}") for entry in entries if entry.why]
    return "\n".join([table(HEADER, [entry.cells() for entry in entries]), *(["", *reasons] if reasons else [])])


def json_lines(entries: Sequence[Entry]) -> str:
    """The runs as JSON, one object per line."""
    return "\n".join(json.dumps(dataclasses.asdict(entry)) for entry in entries)
