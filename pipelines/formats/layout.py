"""How a dataset lies in its directory: the names of its files, its data formats, and its number of shards.

::

    DATA_DIR/seq2seq_arith/addition/1.0.0/            the dataset's directory
        metadata.json                                 the parameters, and the sha256 of every other file
        dataset_info.json, features.json              what TFDS reads
        seq2seq_arith-train.tfrecord-00000-of-00008   a shard of a split, in each format
        parquet/train-00000-of-00008.parquet
        seq2seq_arith-train.array_record-00000-of-00008
        parquet_written/train-00000-of-00008.parquet
    DATA_DIR/seq2seq_arith/.config/metadata.json      names the config that ``tfds.load`` takes when it is given none

To add a data format, write a module of this package with a ``FORMAT``, and add its name to ``FORMATS``: that is all
that ``generate``, ``plan``, ``verify``, ``fetch`` and ``show`` know of it. Its files are in a folder of its name, or
have its name as their suffix.
"""

import dataclasses
import hashlib
import importlib
import json
import re
import shlex
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, overload

import numpy as np

from seq2seq_arith.arithmetic.operations import DEFAULT_TASK
from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.base.options import option, words
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath

NAME, PROGRAM = "seq2seq_arith", "arith-data"
SPLITS = ("train", "validation")
METADATA, DATASET_INFO, FEATURES = "metadata.json", "dataset_info.json", "features.json"
# The modules of this package that write a format, by the words that messages use. The first one is always written.
FORMATS = {
    "tfrecord": "TFRecord",
    "parquet": "Parquet",
    "array_record": "ArrayRecord",
    "parquet_written": "Parquet with column written",
}
TFRECORD, *OPTIONAL_FORMATS = FORMATS
PARQUET, ARRAY_RECORD, WRITTEN = "parquet", "array_record", "parquet_written"
DEFAULT_FORMATS = (TFRECORD, PARQUET)
DATASET = f"DATA_DIR/{NAME}/CONFIG/{VERSION}"
# The examples per file, by split.
ShardLengths = Mapping[str, Sequence[int]]
# Adds n examples to a file: questions and answers, uint8 of shapes (n, question_width) and (n, answer_width).
Write = Callable[[np.ndarray, np.ndarray], object]
# The file beside the datasets, as TFDS writes it.
DEFAULT_KEY, MISSING = "default_config_name", "is missing"
NAMES_DEFAULT = json.dumps({DEFAULT_KEY: DEFAULT_TASK}).encode()
MAX_SHARDS = 2**24
SMALL_SHARDS = 64  # allowed for any dataset; beyond that, each split needs some examples per shard


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """One data format: the ``FORMAT`` of its module."""

    # From a split, a shard and the number of shards to the file below the dataset's directory.
    path: Callable[[str, int, int], str]
    names: str  # a regular expression for all such files
    # From an open file and a task to a context manager that yields a ``Write``.
    writer: Callable[[HashedFile, Task], AbstractContextManager[Write]]
    bytes_of: Callable[[Task, int], int]  # from a task and the number of shards to the bytes of all files
    library: str = ""  # the package on whose version the bytes depend; empty if they depend on none
    # From a file's content, a task and the number of examples to the stored questions and answers, as ``Write`` takes
    # them; raises Problem if the file is not one of so many examples. Needed if there is a ``library``: where another
    # version has written other bytes, ``verify`` compares the rows.
    read: Callable[[bytes, Task, int], tuple[np.ndarray, np.ndarray]] | None = None
    # From a task to the largest number of examples per call of ``Write``; a power of two, as are all numbers of
    # examples except for the last call's.
    block_rows: Callable[[Task], int] = lambda task: 2**20

    def __post_init__(self) -> None:
        if self.library and not self.read:
            raise ValueError(f"the bytes of the format depend on {self.library}; give it a read, too")


def format_of(name: str) -> Format:
    """The format of this name, whose module is imported when it is first asked for."""
    return importlib.import_module(f"{__package__}.{name}").FORMAT


def format_name(file: str) -> str | None:
    """The name of the format of a file below the dataset's directory; None if it is not a shard.

    >>> format_name("parquet/train-00003-of-00008.parquet")
    'parquet'
    """
    return next((name for name in FORMATS if re.fullmatch(format_of(name).names, file)), None)


def numbered(shard: int, num_shards: int) -> str:
    """The numbers in a file's name, as TFDS writes them: of one width, at least five."""
    return f"{str(shard).zfill(max(5, len(str(num_shards))))}-of-{num_shards:05d}"


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a dataset is cut into files. The layout is not part of what the dataset is.

    >>> Layout(8).paths("train", 3)
    ['seq2seq_arith-train.tfrecord-00003-of-00008', 'parquet/train-00003-of-00008.parquet']
    >>> print(Layout(8))
    8 shards with Parquet
    """

    # Files per split and format, P.
    num_shards: int = option("files per split and format", low=1, high=MAX_SHARDS, default_text="by size, at least 8")
    formats: tuple[str, ...] = DEFAULT_FORMATS  # names of data formats, in the order of ``FORMATS``

    @classmethod
    def of(cls, task: Task, num_shards: int | None = None, formats: Sequence[str] = DEFAULT_FORMATS) -> "Layout":
        """The layout for a task, by default with as many shards as suit its size; InputError for too many."""
        if num_shards is None:
            return cls(default_num_shards(task.num_examples), tuple(formats))
        most = min(MAX_SHARDS, max(SMALL_SHARDS, task.num_examples // 100))
        if isinstance(num_shards, bool) or not isinstance(num_shards, int) or not 1 <= num_shards <= most:
            raise InputError(
                f"num_shards is {num_shards!r}; for {task.num_examples} examples give a whole number from 1 to {most}"
            )
        return cls(num_shards, tuple(formats))

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any]) -> "Layout":
        """The layout of the dataset with this metadata, which may be anything that JSON holds."""
        files = metadata.get("files")
        names = [str(name) for name in files] if isinstance(files, dict) else []
        # Without the formats' modules, which take time to import: the format's name is in that of its folder or files.
        written = {
            name: any(file.startswith(f"{name}/") or f".{name}-" in file for file in names) for name in OPTIONAL_FORMATS
        }
        return cls(metadata.get("num_shards", 0), choose_formats(written))

    def paths(self, split: str, shard: int) -> list[str]:
        """The files of one shard of a split, below the dataset's directory; the TFRecord file first."""
        return [format_of(name).path(split, shard, self.num_shards) for name in self.formats]

    def shard_files(self) -> Iterator[tuple[str, int, str]]:
        """Split, shard and name of every file with examples."""
        for split in SPLITS:
            for shard in range(self.num_shards):
                for path in self.paths(split, shard):
                    yield split, shard, path

    def bytes_of(self, task: Task) -> dict[str, int]:
        """The bytes of all files, by the name of their format; estimates, except for TFRecord."""
        return {name: format_of(name).bytes_of(task, self.num_shards) for name in self.formats}

    def __str__(self) -> str:
        mentioned = {*DEFAULT_FORMATS, *self.formats}
        optional = [
            f"{'with' if name in self.formats else 'without'} {FORMATS[name]}"
            for name in OPTIONAL_FORMATS
            if name in mentioned
        ]
        return f"{self.num_shards} shards {' and '.join(optional)}"


def choose_formats(wanted: Mapping[str, bool | None], otherwise: Sequence[str] = DEFAULT_FORMATS) -> tuple[str, ...]:
    """The formats to write: TFRecord, and those others that are wanted, or left open and among ``otherwise``.

    >>> choose_formats({"parquet": False})
    ('tfrecord',)
    """
    chosen = dict.fromkeys(otherwise, True) | {name: answer for name, answer in wanted.items() if answer is not None}
    return (TFRECORD, *(name for name in OPTIONAL_FORMATS if chosen.get(name)))


def default_num_shards(num_examples: int) -> int:
    """8; above 2^23 examples the smallest power of two that leaves at most 2^20 examples per shard."""
    return max(8, 1 << (-(-num_examples // 2**20) - 1).bit_length())


@overload
def dataset_path(data_dir: Path, task: Task) -> Path: ...
@overload
def dataset_path(data_dir: ObjectPath, task: Task) -> ObjectPath: ...
def dataset_path(data_dir: AnyPath, task: Task) -> AnyPath:
    """The directory, or the prefix, of a task's dataset: DATA_DIR/seq2seq_arith/CONFIG/1.0.0."""
    return data_dir / NAME / task.config_name / VERSION


def standing_configs(datasets: Path) -> list[str]:
    """The names of the datasets in DATA_DIR/seq2seq_arith, in order: those folders that have a ``metadata.json``."""
    return sorted(found.parents[1].name for found in datasets.glob(f"[a-z]*/{VERSION}/{METADATA}"))


def find_dataset(place: str, flags: Sequence[str] = (), otherwise: str = "") -> AnyPath:
    """The dataset of a place: its own directory or prefix, that of its config, or the only one of a data directory.

    InputError if there is none, or several; ``otherwise`` says what else may be given.
    """
    path = paths.parse_place(place, flags)
    try:
        for own in (path, path / VERSION):
            if (own / METADATA).is_file():
                return own
        folders = (path, path / NAME) if isinstance(path, Path) else ()
        there = [above / config / VERSION for above in folders for config in standing_configs(above)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(there) == 1:
        return there[0]
    found = f"has several datasets; give one of {', '.join(map(str, there))}"
    raise InputError(f"{place} {found if there else f'is not a dataset; give {DATASET}'}{otherwise}")


def metadata_of(task: Task, layout: Layout, draws_used: int, files: Mapping[str, str]) -> dict[str, Any]:
    """The content of ``metadata.json``, from the sha256 of every other file by its name; its own sha256 comes last."""
    content = {
        "parameters": task.parameters(),
        "question_width": task.question_width,
        "answer_width": task.answer_width,
        "alphabet": task.alphabet,
        "num_shards": layout.num_shards,
        "draws_used": draws_used,
        "duplicates": draws_used - task.num_examples,
        "splits": task.splits,
        "files": dict(sorted(files.items())),
    }
    return content | {"sha256": metadata_digest(content)}


def metadata_digest(values: Mapping[str, Any]) -> str:
    """The sha256 of metadata, or of another JSON object, as it is written, without its entry ``sha256``."""
    content = {key: value for key, value in values.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def read_metadata(path: AnyPath) -> dict[str, Any] | None:
    """The content of a dataset's ``metadata.json``; None if there is none that can be read."""
    try:
        metadata = json.loads(paths.read_bytes(path / METADATA).decode())
    except InputError:  # of a store; it is a ValueError as well
        raise
    except (OSError, ValueError, RecursionError):
        return None
    return metadata if isinstance(metadata, dict) else None


def read_shard_lengths(path: AnyPath) -> dict[str, list[int]]:
    """The examples per file by which TFDS goes, by split, from ``dataset_info.json``; empty if it cannot be read."""
    try:
        splits = json.loads(paths.read_bytes(path / DATASET_INFO).decode())["splits"]
        return {split["name"]: [int(length) for length in split["shardLengths"]] for split in splits}
    except InputError:  # of a store
        raise
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return {}


@overload
def default_path(datasets: Path) -> Path: ...
@overload
def default_path(datasets: ObjectPath) -> ObjectPath: ...
def default_path(datasets: AnyPath) -> AnyPath:
    """The file that names the default config, below the folder of all datasets: DATA_DIR/seq2seq_arith."""
    return datasets / ".config" / METADATA


def default_problem(datasets: AnyPath) -> str:
    """What is wrong with that file; empty if it names the default config, or another one whose dataset is there."""
    try:
        named = json.loads(paths.read_bytes(default_path(datasets)).decode())[DEFAULT_KEY]
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except InputError:  # of a store
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "does not name the default config"
    is_name = isinstance(named, str) and re.fullmatch(r"[a-z0-9_-]{1,200}", named)
    if named == DEFAULT_TASK or (is_name and (datasets / named / VERSION / METADATA).is_file()):
        return ""
    return f"names {str(named)[:100]!r} as the default config, which is not there"


def generate_command(task: Task, layout: Layout, data_dir: object, others: Sequence[str] = ()) -> str:
    """The command that makes a dataset with this layout in a directory or a store, whose flags a person adds.

    >>> task = Task("subtraction", num_examples=500_000, draws="structured")
    >>> generate_command(task, Layout.of(task), "data")
    'arith-data generate subtraction --num-examples 500000 --draws structured --data-dir data'
    >>> generate_command(Task(), Layout(3, ("tfrecord",)), "my data", ["--overwrite"])
    "arith-data generate addition --num-shards 3 --no-parquet --data-dir 'my data' --overwrite"
    """
    files = words(layout, Layout.of(task))
    for name in OPTIONAL_FORMATS:
        if (name in layout.formats) != (name in DEFAULT_FORMATS):
            files.append(f"--{'' if name in layout.formats else 'no-'}{name.replace('_', '-')}")
    parameters = words(task, types.SimpleNamespace(**task.defaults))
    given = [*task_file(task), *parameters, *files, "--data-dir", str(data_dir), *others]
    return shlex.join([PROGRAM, "generate", task.name, *given])


def advice(directory: AnyPath, task: Task | None = None) -> str:
    """What to do about a dataset that is not as arith-data wrote it."""
    return f"check it with {shlex.join([PROGRAM, 'verify', str(directory), *(task_file(task) if task else [])])}"


def task_file(task: Task) -> list[str]:
    """The option that names the file of a task of one's own; none for other tasks."""
    return ["--task-file", task.code] if task.code else []
