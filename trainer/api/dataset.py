"""Datasets as Python objects: create, load and look at them. Nothing in this module needs TensorFlow.

>>> data = Dataset(Task("addition", size=2), "data")
>>> data.one_hot("39+3").shape
(5, 12)
>>> data.decode(data.one_hot("7+5"))
'5+7'
"""

import contextlib
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from seq2seq_arith.arithmetic import breakdowns, own_tasks, text
from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, named_task
from seq2seq_arith.base.checks import check_int, one_of
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Options, call, shows
from seq2seq_arith.base.tables import Table, Tabular
from seq2seq_arith.base.terminal import silent, silent_log
from seq2seq_arith.pipelines.formats.layout import METADATA, NAME, SPLITS
from seq2seq_arith.pipelines.formats.location import find_dataset
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.storage.paths import AnyPath
from seq2seq_arith.trainer.api import arguments, pictures
from seq2seq_arith.trainer.data import making, records
from seq2seq_arith.trainer.data.records import Examples, Source, Split
from seq2seq_arith.trainer.figures import Picture

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 5  # examples that a dataset shows by default
SMALL = 10**6  # characters of a dataset that is created in seconds


def _dataset(
    dataset: str | Path,
    data_dir: str | Path,
    *,
    parameters: Annotated[dict[str, Any], Options(PARAMETERS, as_dict=True)],
) -> "Dataset":
    """The dataset of a name and parameters in a data directory, or that of a path; it need not exist."""
    if not isinstance(dataset, Path) and "/" not in _short(dataset):
        return Dataset(named(dataset, parameters), str(data_dir))
    directory = find_dataset(str(dataset))
    config, top = directory.parents[0].name, directory.parents[2]
    if parameters:
        raise InputError(f"{dataset} contains all parameters, and {next(iter(parameters))} is given, too; leave it out")
    return Dataset(Task.from_name(config), str(top))


@shows(_dataset)
def generate(
    dataset: str | Path,
    *,
    data_dir: str | Path = "data",
    task_file: str | Path | None = None,
    **parameters: Any,
) -> "Dataset":
    """Creates a dataset, or opens the existing one.

    In an object store, no dataset is created: it must exist.

    Args:
      dataset: The name of a task, such as ``addition``, or of a config, such as ``addition-d6-n1000000``, or as TFDS
        prints it, ``seq2seq_arith/addition-d6-n1000000/1.0.0``; or the path of an existing dataset.
      data_dir: Where datasets are kept: a directory, or ``gs://...`` or ``s3://...``; not used for a path.
      task_file: A file with custom tasks, whose code then runs.
      **parameters: With the name of a task, those of ``Task``: ``digits`` (``dashes`` of pq, ``modulus`` of modular
        addition, ``letters``), ``num_examples``, ``seed``, ``reverse``, ``ordered``, ``draws``, ``num_validation``.

    Raises InputError if an argument is wrong, or the directory cannot be used; RunError if its creation fails.
    """
    own_tasks.use(task_file)
    opened = call(_dataset, parameters, dataset=dataset, data_dir=data_dir)
    make(opened.task, opened.data_dir)
    return _checked(opened)


@shows(_dataset)
def load(
    dataset: str | Path,
    *,
    data_dir: str | Path = "data",
    task_file: str | Path | None = None,
    **parameters: Any,
) -> "Dataset":
    """An existing dataset; the arguments are those of ``generate``.

    Raises InputError if it does not exist, or differs from what arith-data wrote.
    """
    own_tasks.use(task_file)
    return _checked(call(_dataset, parameters, dataset=dataset, data_dir=data_dir))


def _short(dataset: Any) -> str:
    """The name of a dataset without what TFDS adds to it; the empty string if it is not a string."""
    return re.sub(rf"^{NAME}/([^/:]+)([/:]{VERSION})?$", r"\1", dataset) if isinstance(dataset, str) else ""


def named(dataset: str, parameters: Mapping[str, Any]) -> Task:
    """The task of a name and parameters, by default with a practical number of examples.

    >>> named("addition-d6-n1000000", {}).num_examples
    1000000
    >>> named("pq", {"dashes": 20}).config_name
    'pq-d20-n210'

    Raises InputError if there is no such task or parameter, or a value is out of its range.
    """
    dataset = _short(dataset) or dataset
    if is_config_name(dataset):
        if parameters:
            raise InputError(
                f"{dataset!r} contains all parameters, and {next(iter(parameters))} is given, too; give the task's "
                "name with parameters, or only the dataset's name"
            )
        return Task.from_name(dataset)
    return named_task(dataset, parameters)


def is_config_name(dataset: str) -> bool:
    """Whether a name is that of a config, with the parameters of a dataset, and not that of a task."""
    return isinstance(dataset, str) and "-" in dataset


def make(task: Task, data_dir: str) -> None:
    """Creates a dataset if it is missing, without the logs of libraries, and prints nothing if it is small."""
    is_small = task.num_examples * (task.question_width + task.answer_width) <= SMALL
    with silent_log(), silent() if is_small else contextlib.nullcontext():
        making.make_missing(task, data_dir)


def _checked(dataset: "Dataset") -> "Dataset":
    _ = dataset.source  # raises InputError for a missing or damaged dataset
    return dataset


@dataclasses.dataclass(frozen=True, repr=False)
class Dataset(Tabular):
    """A dataset: questions and answers of one task, in the splits ``train`` and ``validation``.

    Strings are *stored* padded with blanks to one width, and the questions of some tasks are stored in reverse. For
    example, ``"39+3"`` of addition is stored as ``" 3+93"``. Each character is a token; its *id* is its index in
    ``alphabet`` (the vocabulary). The blank has the id 0, and is the padding.

    Attributes:
      task: The parameters of the dataset.
      data_dir: The directory or URL in which datasets are kept.
    """

    task: Task
    data_dir: str

    @property
    def config(self) -> str:
        """The name of the dataset, such as ``addition-d6-n1000000``."""
        return self.task.config_name

    @property
    def splits(self) -> dict[str, int]:
        """The number of examples of each split."""
        return {name: len(split) for name, split in self.source.splits.items()}

    def __len__(self) -> int:
        """The number of examples of all splits."""
        return sum(self.splits.values())

    def __iter__(self) -> Iterator[dict[str, str]]:
        """The examples of all splits, as rows of ``table``."""
        for split in self.splits:
            for examples in self._blocks(split):
                yield from self._table(examples).to_pylist()

    def __getitem__(self, split: str) -> "pa.Table":
        """A split as ``table`` returns it: ``data["train"]``."""
        return self.table(split)

    @property
    def alphabet(self) -> str:
        """All characters of stored strings, in the order of their ids."""
        return self.task.alphabet

    @functools.cached_property
    def source(self) -> Source:
        """The dataset's files, opened.

        Raises InputError if they are missing, or differ from what arith-data wrote.
        """
        return records.open_source(self.task, self.data_dir)

    @property
    def path(self) -> AnyPath:
        """The dataset's directory or URL."""
        return self.source.directory

    @property
    def metadata(self) -> dict[str, Any]:
        """The content of ``metadata.json``: the parameters, the numbers of examples, and the sha256 of each file."""
        metadata = read_metadata(self.path)
        if metadata is None:
            raise InputError(f"{self.path / METADATA} cannot be read; {records.advice(self.path)}")
        return metadata

    def table(self, split: str = "train") -> "pa.Table":
        """A split as a PyArrow table of strings. The rows are in the order of the files, which is a fixed random order.

        Its columns are ``question`` and ``answer``, as people write them, and ``stored_question`` and
        ``stored_answer``. ``.to_pandas()`` converts it to a DataFrame.

        Raises InputError if there is no such split, or its files cannot be read.
        """
        import pyarrow as pa

        return pa.concat_tables([self._table(examples) for examples in self._blocks(split)])

    def arrays(self, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
        """The ids of a split's stored strings, in the order of ``table``; ``one_hot`` takes either array.

        Returns the questions, uint8 [examples, ``task.question_width``], and the answers, uint8 [examples,
        ``task.answer_width``].

        Raises InputError if there is no such split, or its files cannot be read.
        """
        columns = zip(*((block.questions, block.answers) for block in self._blocks(split)), strict=True)
        questions, answers = (self._ids_of[np.concatenate(column)] for column in columns)
        return questions, answers

    def stats(self) -> Table:
        """The number of examples in each split, by operand length and by the task's other *breakdowns*.

        There is one row per group, with the columns ``by`` (the property), ``group`` (its value), and one column per
        split.
        """
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for split in SPLITS:
            for examples in self._blocks(split):
                for key, count in self._group_counts(examples):
                    of_splits = counts.setdefault(key, dict.fromkeys(SPLITS, 0))
                    of_splits[split] += count
        # In the order of the breakdowns, and of the numbers.
        names = list(dict.fromkeys(name for name, _ in counts))
        keys = sorted(counts, key=lambda key: (names.index(key[0]), len(key[1]), key[1]))
        return Table([{"by": by, "group": group, **counts[by, group]} for by, group in keys], title=self.config)

    def show(self, count: int = ROWS, split: str = "train") -> Table:
        """The first examples of a split, as people write them and as they are stored."""
        check_int("count", count, 0, None)
        rows = self._table(self._split(split).head(max(1, count))[:count])
        return Table(rows.to_pylist(), rows.column_names)

    def one_hot(self, question: "str | Sequence[str] | np.ndarray") -> np.ndarray:
        """The one-hot encoding of questions, an input for ``Dense`` and recurrent layers.

        It takes a question as people write it, several questions, or ids, integers [..., steps], as ``arrays`` returns
        them. Returns float32 [steps, characters of the alphabet], the ``task.question_width`` steps as they are stored;
        for several questions, or ids, [..., steps, characters of the alphabet].

        Raises InputError if a string is not a question of the task, or it is too long.
        """
        if isinstance(question, np.ndarray) and question.dtype.kind not in "UO":
            ids = arguments.ids(question, len(self.alphabet))
        else:
            stored = [text.parse(string, self.task).stored for string in arguments.strings(question, "question")]
            ids = self._ids_of[text.to_codes(stored, self.task.question_width)]
            ids = ids[0] if isinstance(question, str) else ids
        return np.eye(len(self.alphabet), dtype=np.float32)[ids]

    def decode(self, probabilities: np.ndarray) -> "str | list[str]":
        """The text of the most probable characters, without padding: the inverse of ``one_hot``.

        It takes probabilities, logits or one-hot, floats of shape [steps, characters of the alphabet] or [examples,
        steps, characters of the alphabet]; or ids, integers without the last axis. Returns a string, or a list of one
        per example. An answer is as people write it; a question is as it is stored.
        """
        values = np.asarray(probabilities)
        is_float, size = values.dtype.kind == "f", len(self.alphabet)
        if values.ndim - is_float not in (1, 2) or (is_float and values.shape[-1] != size):
            raise InputError(
                f"the probabilities have the shape {values.shape}; give [steps, {len(self.alphabet)}] or "
                f"[examples, steps, {len(self.alphabet)}]"
            )
        ids = arguments.ids(values.argmax(axis=-1) if is_float else values, size)
        texts = ["".join(self.alphabet[character] for character in row).strip() for row in np.atleast_2d(ids)]
        return texts if ids.ndim == 2 else texts[0]

    def plot_one_hot(self, question: str) -> Picture:
        """The ``one_hot`` of a question as a picture: a row per step, a column per character of the alphabet."""
        stored = text.parse(question, self.task).stored
        return pictures.one_hot(self.one_hot(question), question, stored, self.alphabet)

    def score(self, answers: "str | Sequence[str]", split: str = "validation") -> Table:
        """Scores the answers to the questions of a split: character accuracy and exact match.

        ``answers`` are one answer per question, in the order of ``table``; or a single answer, which is scored as the
        answer to every question (a constant baseline). Returns one row: ``examples``, ``character_accuracy`` (the share
        of characters that are right, padding included) and ``exact_match`` (the share of answers that match exactly).
        An answer that is too long is wrong.

        Raises InputError if there are too few or too many answers, or there is no such split.
        """
        right = np.concatenate([examples.answers for examples in self._blocks(split)])
        width = right.shape[1]
        texts = arguments.strings(answers, "answer") * (len(right) if isinstance(answers, str) else 1)
        if len(texts) != len(right):
            raise InputError(f"there are {len(texts):,} answers to {len(right):,} questions; give one for each")
        padded = [answer[:width].ljust(width).encode("ascii", "replace") for answer in texts]
        predicted = np.frombuffer(b"".join(padded), np.uint8).reshape(-1, width)
        equal = predicted == right
        exact = equal.all(axis=1) & [len(answer) <= width for answer in texts]
        scores = {"character_accuracy": float(equal.mean()), "exact_match": float(exact.mean())}
        return Table([{"examples": len(right), **scores}])

    def _split(self, name: str) -> Split:
        if not isinstance(name, str) or name not in self.source.splits:
            raise InputError(f"there is no split {name!r}; {one_of(name, self.source.splits)}")
        return self.source.splits[name]

    def _blocks(self, name: str) -> Iterator[Examples]:
        """All examples of a split, in blocks."""
        split = self._split(name)
        for first in range(0, len(split), split.rows_per_range):
            yield split.read(first, min(split.rows_per_range, len(split) - first))

    def _table(self, examples: Examples) -> "pa.Table":
        import pyarrow as pa
        import pyarrow.compute as pc

        from seq2seq_arith.pipelines.formats.parquet import as_written, strings

        stored, answers = strings(examples.questions), strings(examples.answers)
        return pa.table(
            {
                "question": as_written(self.task, stored),
                "answer": pc.ascii_trim_whitespace(answers),
                "stored_question": stored,
                "stored_answer": answers,
            }
        )

    def _group_counts(self, examples: Examples) -> Iterator[tuple[tuple[str, str], int]]:
        """The groups of a block of examples, each with its count."""
        task = self.task
        operands = text.operands(task, examples.questions)
        groups = {"all": np.full(len(examples), "examples")}
        if task.notation.has_lengths:
            longer = np.max([task.notation.measure(side) for side in operands], axis=0)
            names, index = breakdowns.ranges(task.operand_width, longer)
            groups[f"{task.notation.unit} of the longer operand"] = np.array(names)[index]
        groups |= {name: group(*operands) for name, group in task.operation.breakdowns.items()}
        for name, values in groups.items():
            for value, count in zip(*np.unique(values, return_counts=True), strict=True):
                yield (name, str(value)), int(count)

    @functools.cached_property
    def _ids_of(self) -> np.ndarray:
        """The id of each code point: uint8 [256]."""
        return text.character_ids(self.task)

    def _shown(self) -> Table:
        task, example = self.task, self.show(1)[0]
        facts = {
            "task": task.description,
            "train": f"{task.num_train:,} examples",
            "validation": f"{task.num_validation:,} examples",
            "for example": f"{example['question']}{task.notation.equals}{example['answer']}",
            "stored as": f"{example['stored_question']!r}, {example['stored_answer']!r}",
            "alphabet": repr(self.alphabet),
            "directory": str(self.path),
        }
        return Table([{"dataset": name, self.config: value} for name, value in facts.items()])
