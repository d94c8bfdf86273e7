"""Reads a finished dataset back and checks all of it.

A witness: the writer's functions do not vouch for the examples. The CRC library and protobuf read the records, other
code draws the examples again (``redraw``) and writes their strings again (``rows``), and the two are compared. Only the
files that TFDS reads first are compared with what the writer's own function gives: TFDS itself writes them.
"""

import contextlib
import dataclasses
import functools
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.pipelines.checking import Problem, records, rows
from seq2seq_arith.pipelines.checking.files import Files, digest_problems
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.redraw import Operands, operands, parallel_map, redraw
from seq2seq_arith.pipelines.formats.layout import (
    ARRAY_RECORD,
    DATASET_INFO,
    METADATA,
    MISSING,
    NAME,
    PARQUET,
    SPLITS,
    TFRECORD,
    WRITTEN,
    dataset_path,
    default_path,
    default_problem,
    format_name,
    generate_command,
)
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath

BLOCK_BYTES = 2**24  # characters of strings that are written again and compared at once
# What the indexes of a Parquet or ArrayRecord file take at most: bytes, and rows.
INDEX_BYTES, INDEX_ROWS = 2**19, 32
READER_THREADS = 72  # its library starts 64 threads at once


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The outcome of a check."""

    problems: list[str]  # one sentence per problem, which names the file and, if there is one, the row (counted from 0)
    summary: str = ""  # what was checked; to be shown if there are no problems
    identity: str = ""  # the metadata's own sha256, which stands for the content of all files
    # A sentence that says what mends the dataset, with the command to type; empty if there are no problems, or if that
    # is not known, as of damaged metadata.
    advice: str = ""


def verify(directory: AnyPath, quick: bool = False, sha256: str | None = None) -> CheckResult:
    """Checks a dataset's directory, or its prefix in an object store (``find_dataset``); each file is read once.

    ``quick`` checks names, sizes and checksums only. Unless it is None, the metadata must have this sha256 of
    themselves.
    """
    try:
        task, layout, metadata = read_checked(directory, sha256)
    except Problem as problem:
        return CheckResult([f"{directory / METADATA}: {problem}"])
    files = Files.of(directory, task, layout, metadata["files"])
    of_default = list(_default_problems(directory))
    problems = [*of_default, *files.name_problems(), *files.description_problems()]
    draws, held = None, sum(size for name, size in files.sizes.items() if format_name(name) == TFRECORD)
    if ARRAY_RECORD in layout.formats and not quick:
        _start_readers()
    if count_problems := list(files.count_problems()):
        # Redraw only what counts right and has half of its bytes: a forged draws_used could ask for unlimited memory.
        problems += count_problems
    elif quick or 2 * held < record_format(task).length * task.num_examples:
        problems += files.size_problems()
    else:
        draws, count_problems = _redrawn(files, metadata["draws_used"])
        problems += count_problems
    problems += _shard_problems(files, draws)
    number, own = f"{len(files.digests) + 1} files", metadata["sha256"]
    said = f"{number} and {task.num_examples:,} examples are as they should be"
    if quick:
        said = f"{number} have the right names, sizes and checksums; no example was checked"
    return CheckResult(problems, said, own, _advice(files, only_beside=problems == of_default) if problems else "")


def _default_problems(directory: AnyPath) -> Iterator[str]:
    """The problem with the file beside the datasets, by which TFDS finds the default config."""
    for parent in list(directory.parents)[1:2]:  # a copy may stand so near the root that there is none
        problem = default_problem(parent)
        # A copy that stands alone needs none.
        if problem and (problem != MISSING or parent.name == NAME):
            yield f"{default_path(parent)}: {problem}"


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
        if expected is None:
            yield from digest_problems(file, paths.pieces(file), digest)
            return
        data = paths.read_bytes(file, _most_bytes(task, kind, len(expected[0])))
        if of_digest := digest_problems(file, [data], digest):
            yield from of_digest  # and what has another sha256 is not parsed
        else:
            CHECKS[kind](task, data, expected)
    except Problem as problem:
        yield f"{file}: {problem}"
    except InputError:  # of a store
        raise
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
        yield f"{file}: cannot be read ({getattr(error, 'strerror', None) or str(error).splitlines()[0]})"


def _most_bytes(task: Task, kind: str, count: int) -> int:
    """Bytes that no file of so many examples exceeds: those of TFRecord, and some more for the others' indexes."""
    row = records.uniform_records(task.question_width, task.answer_width).length
    row += task.question_width if kind == WRITTEN else 0
    return count * row + (0 if kind == TFRECORD else INDEX_BYTES + INDEX_ROWS * row)


def _check_tfrecord(task: Task, data: bytes, expected: Operands) -> None:
    uniform = records.uniform_records(task.question_width, task.answer_width)
    is_sized = len(data) == len(expected[0]) * uniform.length
    if not (is_sized and _are_written(task, expected, functools.partial(uniform.read, data))):
        rows.check_rows(task, records.read(data), expected)


def _check_parquet(task: Task, data: bytes, expected: Operands, kind: str = PARQUET) -> None:
    file, count = pq.ParquetFile(pa.BufferReader(data)), len(expected[0])
    names = ["question", "answer", *["written"] * (kind == WRITTEN)]
    if [(field.name, field.type, field.nullable) for field in file.schema_arrow] != [
        (name, pa.string(), False) for name in names
    ]:
        raise Problem(f"its columns are {file.schema_arrow.to_string()!r}")
    _check_count(file.metadata.num_rows, count)
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    columns = [group.column(at) for group in groups for at in range(group.num_columns)]
    # A dictionary holds a long string once for all rows.
    if any(each.has_dictionary_page for each in columns) or (
        sum(each.total_uncompressed_size for each in columns) > _most_bytes(task, kind, count)
    ):
        raise Problem("its columns hold other strings than such a dataset has")
    table = file.read()
    table.validate(full=True)
    stored = table.select(["question", "answer"])
    if kind == WRITTEN:
        asked = pc.utf8_reverse(table["question"]) if task.reverse else table["question"]
        is_right = pc.equal(table["written"], pc.utf8_trim(asked, rows.PAD))
        if (row := pc.index(is_right, False).as_py()) >= 0:
            raise Problem(f"row {row}: another question is written than stored")
    if all(
        pa.table(written, schema=stored.schema).equals(stored.slice(start, end - start))
        for start, end, written in _written(task, expected)
    ):
        return
    pairs = (zip(*(column.to_pylist() for column in batch.columns), strict=True) for batch in stored.to_batches(4096))
    rows.check_rows(task, (pair for batch in pairs for pair in batch), expected)


def _check_array_record(task: Task, data: bytes, expected: Operands) -> None:
    from array_record.python.array_record_module import ArrayRecordReader  # workers need not have it

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.closing(ArrayRecordReader(file.name)) as reader:
            _check_count(reader.num_records(), len(expected[0]))
            contents = reader.read_all() if len(expected[0]) else []
    uniform = records.uniform_records(task.question_width, task.answer_width)
    length = uniform.length - records.HEADER - records.FOOTER
    if {len(content) for content in contents} <= {length}:
        content = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, length)
        if _are_written(task, expected, lambda start, end: uniform.texts(content[start:end])):
            return
    rows.check_rows(task, map(records.parsed, contents, itertools.count()), expected)


def _check_count(found: int, expected: int) -> None:
    if found != expected:
        raise Problem(f"has {found:,} rows, not {expected:,}")


def _start_readers() -> None:
    """Starts the threads of ArrayRecord's library, which waits for ever if the system refuses one of them."""
    from array_record.python.array_record_module import ArrayRecordReader

    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(READER_THREADS)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        raise RunError(
            f"this process cannot start the {READER_THREADS} threads that reading ArrayRecord takes; allow it more "
            "threads and memory (ulimit -u, ulimit -v)"
        ) from None
    finally:
        stop.set()
        for thread in filter(threading.Thread.is_alive, threads):
            thread.join()
    ArrayRecordReader(os.devnull)


def _written(task: Task, expected: Operands) -> Iterator[tuple[int, int, tuple[pa.Array, pa.Array]]]:
    """The first row, the end, and the questions and answers of blocks of rows, written again."""
    count, size = len(expected[0]), max(1, BLOCK_BYTES // (task.question_width + task.answer_width))
    for start in range(0, count, size):
        end = min(start + size, count)
        yield start, end, rows.written(task, tuple(side[start:end] for side in expected))


def _are_written(task: Task, expected: Operands, read: Callable[[int, int], Sequence[np.ndarray] | None]) -> bool:
    """Whether ``read``, from a first row and an end, gives the characters of all rows as they are written again."""
    return all(
        (texts := read(start, end)) is not None and all(map(rows.same_characters, texts, written))
        for start, end, written in _written(task, expected)
    )


def _advice(files: Files, only_beside: bool) -> str:
    """What mends a dataset whose metadata is sound; empty if it does not stand where the command would make it.

    ``only_beside`` says that nothing but the file that names the default config is wrong.
    """
    directory, above = files.directory, list(files.directory.parents)
    if len(above) < 3 or dataset_path(above[2], files.task) != directory:
        return ""
    words = "is whole, and the file beside it is written" if only_beside else "is damaged; make it anew"
    others = [] if only_beside else ["--overwrite"]
    return f"{directory} {words} with: {generate_command(files.task, files.layout, above[2], others)}"


# The check of each data format, by its name.
CHECKS = {
    TFRECORD: _check_tfrecord,
    PARQUET: _check_parquet,
    ARRAY_RECORD: _check_array_record,
    WRITTEN: functools.partial(_check_parquet, kind=WRITTEN),
}
