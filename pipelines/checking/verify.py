"""Reads a finished dataset back and checks all of it.

A witness: the writer's functions do not vouch for the examples. The CRC library and protobuf read the records, other
code draws the examples again (``redraw``) and writes their strings again (``rows``), and the two are compared. Only the
files that TFDS reads first are compared with what the writer's own function gives: TFDS itself writes them.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking import Problem, records, rows
from seq2seq_arith.pipelines.checking.files import Files, digest_problems
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.redraw import Operands, operands, parallel_map, redraw
from seq2seq_arith.pipelines.formats import default_config
from seq2seq_arith.pipelines.formats.command import generate_command
from seq2seq_arith.pipelines.formats.layout import (
    DATASET_INFO,
    METADATA,
    NAME,
    SPLITS,
    Layout,
    dataset_path,
    format_name,
    read_metadata,
    which_dataset,
)
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath

BLOCK_BYTES = 2**24  # characters of strings that are written again and compared at once
ANEW = "is damaged; {}make it anew with: "
BESIDE = "is whole, and the file beside it is written with: "


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The outcome of a check.

    Attributes:
      problems: One sentence per problem, which names the file and, if there is one, the row (counted from 0).
      summary: What was checked; to be shown if there are no problems.
      identity: The metadata's own sha256, which stands for the content of all files.
      advice: A sentence that says what mends the dataset, with the command to type; empty if there are no problems, or
        if it is not known.
    """

    problems: list[str]
    summary: str = ""
    identity: str = ""
    advice: str = ""


def verify(directory: AnyPath, quick: bool = False, sha256: str | None = None, *, beside: bool = True) -> CheckResult:
    """Checks a dataset's directory, or its prefix in an object store.

    Each file is read once, and as many shards at a time as the machine has cores.

    Args:
      directory: DATA_DIR/seq2seq_arith/CONFIG/1.0.0.
      quick: Check names, sizes and checksums only.
      sha256: The sha256 that the metadata must state for its own content, and so for every file; None for any.
      beside: Whether to check the file that names the default config, which stands beside the datasets.

    Raises:
      InputError: There is no dataset to check.
      StoreError: The store fails.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is no directory; {which_dataset(directory)}")
    if not (directory / METADATA).is_file():
        raise InputError(f"{directory} has no {METADATA}; {which_dataset(directory)}")
    try:
        task, layout, metadata = read_checked(directory, sha256)
    except Problem as problem:
        return CheckResult([f"{directory / METADATA}: {problem}"], advice=_advice_on_metadata(directory, sha256))
    files = Files.of(directory, task, layout, metadata["files"])
    of_default = list(_default_problems(directory)) if beside else []
    problems = [
        *of_default,
        *files.name_problems(),
        *files.description_problems(),
    ]
    draws = None
    if count_problems := list(files.count_problems()):
        # Redraw only if the counts agree: a forged draws_used could ask for unlimited memory.
        problems += count_problems
    elif quick:
        problems += files.size_problems()
    else:
        draws, count_problems = _redrawn(files, metadata["draws_used"])
        problems += count_problems
    problems += _shard_problems(files, draws)
    number, own = f"{len(files.digests) + 1} files", metadata["sha256"]
    said = f"{number} and {task.num_examples:,} examples are as they should be"
    if quick:
        said = f"{number} have the right names, sizes and checksums; no example was checked"
    return CheckResult(problems, said, own, _advice_on_files(files, problems, of_default))


def _default_problems(directory: AnyPath) -> Iterator[str]:
    """The problem with the file beside the datasets, by which TFDS finds the default config."""
    above = list(directory.parents)[1:2]  # a copy may stand so near the root that there is none
    for parent in above:
        if obstacle := default_config.obstacle(parent):
            yield f"{obstacle}; remove it"
            continue
        problem = default_config.problem(parent)
        # A copy that stands alone needs none.
        if problem and (problem != default_config.MISSING or parent.name == NAME):
            yield f"{default_config.path(parent)}: {problem}"


def _redrawn(files: Files, draws_used: int) -> tuple[dict | None, list[str]]:
    """The result of ``redraw``, or None if there is no such dataset, and the problems with the counts."""
    task = files.task
    draws = redraw(task, draws_used, files.layout.num_shards)
    numbers = [numbers for shards in draws.values() for numbers in shards]
    last = max(int(numbers.max(initial=0)) for numbers in numbers)
    if sum(map(len, numbers)) != task.num_examples or last + 1 != draws_used:
        return None, [f"{files.directory / METADATA}: draws_used does not give {task.num_examples} examples"]
    return draws, [
        f"{files.directory / DATASET_INFO}: counts other examples in the files of {split}"
        for split, shards in draws.items()
        if files.lengths[split] != [len(numbers) for numbers in shards]
    ]


def _shard_problems(files: Files, draws: dict | None) -> Iterator[str]:
    """The problems with the files of examples; only their checksums are checked if there are no ``draws``."""

    def check(at: tuple[str, int]) -> list[str]:
        split, shard = at
        expected = operands(files.task, draws[split][shard]) if draws else None
        names = zip(files.layout.formats, files.layout.paths(split, shard), strict=True)
        return [
            problem
            for kind, name in names
            if name in files.sizes
            for problem in _file_problems(files.task, files.directory / name, files.digests[name], kind, expected)
        ]

    for problems in parallel_map(check, [(split, n) for split in SPLITS for n in range(files.layout.num_shards)]):
        yield from problems


def _file_problems(task: Task, file: AnyPath, digest: str, kind: str, expected: Operands | None) -> Iterator[str]:
    """The problems with a file of examples in a data format; only its checksum if ``expected`` is None."""
    try:
        data = paths.read_bytes(file)
        yield from digest_problems(file, data, digest)
        if expected is not None:
            CHECKS[kind](task, data, expected)
    except Problem as problem:
        yield f"{file}: {problem}"
    except InputError:  # of a store
        raise
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
        yield f"{file}: cannot be read ({str(error).splitlines()[0]})"


def _check_tfrecord(task: Task, data: bytes, expected: Operands) -> None:
    uniform = records.uniform_records(task.question_width, task.answer_width)
    if len(data) == len(expected[0]) * uniform.length and all(
        (texts := uniform.read(data, start, end)) is not None
        and all(map(rows.same_characters, texts, rows.written(task, block)))
        for start, end, block in _blocks(task, expected)
    ):
        return
    rows.check_rows(task, records.read(data), expected)


def _check_parquet(task: Task, data: bytes, expected: Operands) -> None:
    table = pq.read_table(pa.BufferReader(data))
    table.validate(full=True)
    if [(field.name, field.type, field.nullable) for field in table.schema] != [
        ("question", pa.string(), False),
        ("answer", pa.string(), False),
    ]:
        raise Problem(f"its columns are {table.schema.to_string()!r}")
    if len(table) == len(expected[0]) and all(
        pa.table(rows.written(task, block), schema=table.schema).equals(table.slice(start, end - start))
        for start, end, block in _blocks(task, expected)
    ):
        return
    pairs = (zip(*(column.to_pylist() for column in batch.columns), strict=True) for batch in table.to_batches(4096))
    rows.check_rows(task, (pair for batch in pairs for pair in batch), expected)


def _check_array_record(task: Task, data: bytes, expected: Operands) -> None:
    from array_record.python.array_record_module import ArrayRecordReader  # workers need not have it

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.closing(ArrayRecordReader(file.name)) as reader:
            contents = reader.read_all() if reader.num_records() else []
    uniform = records.uniform_records(task.question_width, task.answer_width)
    length = uniform.length - records.HEADER - records.FOOTER
    if len(contents) == len(expected[0]) and {len(content) for content in contents} <= {length}:
        content = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, length)
        if all(
            (texts := uniform.texts(content[start:end])) is not None
            and all(map(rows.same_characters, texts, rows.written(task, block)))
            for start, end, block in _blocks(task, expected)
        ):
            return
    rows.check_rows(task, records.read_contents(contents), expected)


def _blocks(task: Task, expected: Operands) -> Iterator[tuple[int, int, Operands]]:
    """The first row, the end and the operands of blocks of rows."""
    count, size = len(expected[0]), max(1, BLOCK_BYTES // (task.question_width + task.answer_width))
    for start in range(0, count, size):
        end = min(start + size, count)
        yield start, end, tuple(side[start:end] for side in expected)


def _advice_on_files(files: Files, problems: list[str], of_default: list[str]) -> str:
    """What mends a dataset whose metadata is sound.

    Args:
      files: Its files.
      problems: All problems that were found.
      of_default: Those among them of the file that names the default config, which is written without ``--overwrite``.
    """
    if not problems:
        return ""
    if problems == of_default:
        return _advice(BESIDE, files.directory, files.task, files.layout)
    beside = set(files.sizes) - {*files.digests, METADATA}
    has_foreign = any(format_name(name) is None for name in beside)
    # In a store, a run removes nothing but shards.
    first = (
        "remove what does not belong to it, then " if has_foreign and isinstance(files.directory, ObjectPath) else ""
    )
    return _advice(ANEW.format(first), files.directory, files.task, files.layout, overwrite=True)


def _advice_on_metadata(directory: AnyPath, sha256: str | None) -> str:
    """What mends a dataset whose metadata is damaged; nothing does if it is sound, but not that of this sha256."""
    if sha256 is not None:
        with contextlib.suppress(Problem):
            read_checked(directory)
            return ""
    metadata = read_metadata(directory) or {}
    task, layout = None, None
    with contextlib.suppress(InputError):
        task = Task.from_parameters(metadata.get("parameters", {}))
        stated = Layout.of_metadata({**metadata, "files": paths.sizes(directory)})
        layout = Layout.of(task, stated.num_shards, stated.formats)
    if task:
        return _advice(ANEW.format(""), directory, task, layout or Layout.of(task), overwrite=True)
    with contextlib.suppress(InputError, IndexError):
        task = Task.from_name(directory.parents[0].name)
        return _advice(ANEW.format("move it away, then "), directory, task, Layout.of(task))
    return ""


def _advice(words: str, directory: AnyPath, task: Task, layout: Layout, overwrite: bool = False) -> str:
    """The dataset, the words and the command; empty if the dataset is not where the command would make it."""
    above = list(directory.parents)
    if len(above) < 3 or dataset_path(above[2], task) != directory:
        return ""
    others = ["--overwrite"] if overwrite else []
    return f"{directory} {words}{generate_command(task, layout, above[2], others)}"


# The check of each data format, by its name.
CHECKS = {"tfrecord": _check_tfrecord, "parquet": _check_parquet, "array_record": _check_array_record}
