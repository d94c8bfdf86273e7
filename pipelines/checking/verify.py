"""Checks a finished dataset: creates it again, compares the files, and checks 10,000 rows in plain Python.

A dataset is a function of its parameters. So every shard is created again in this process, and the bytes must be the
same. For formats whose bytes depend on the version of a library (PyArrow, ArrayRecord), the rows are compared. The
pipeline's own functions create the shards, so their mistakes would not be noticed: therefore ``independent`` draws,
solves, hashes and writes some of the rows again.

The check of a data format needs only its ``FORMAT``.
"""

import dataclasses
import io
import math
from collections.abc import Iterator, Sequence

import numpy as np

from seq2seq_arith.arithmetic import draws, numbers, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.checking import independent
from seq2seq_arith.pipelines.checking.files import Files, digest_problems
from seq2seq_arith.pipelines.checking.independent import Example
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.formats import Problem
from seq2seq_arith.pipelines.formats.advice import generate_command
from seq2seq_arith.pipelines.formats.default_config import MISSING, default_path, default_problem
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, METADATA, NAME, TFRECORD, format_name, format_of
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.shards import write_files
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.steps.example_draws import example_draws, parallel_map
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath

# Questions and answers, uint8 of shapes (n, question_width) and (n, answer_width).
Texts = tuple[np.ndarray, np.ndarray]
SAMPLED = 10_000  # rows that are checked in plain Python
SAMPLED_CHARACTERS = 2**23  # the limit for long rows
# A file that another version of a library has written may be larger than the one that is created here.
LARGER, MORE_BYTES = 2, 2**20


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The outcome of a check."""

    problems: list[str]  # one sentence per problem, with the file and, if there is one, the row (counted from 0)
    summary: str = ""  # the scope of the check; to be shown if there are no problems
    identity: str = ""  # the metadata's own sha256, which stands for the content of all files
    # The advice, with the command that repairs the dataset; empty if there are no problems, or no command is known, as
    # for damaged metadata.
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
    files = Files.from_metadata(directory, task, layout, metadata["files"])
    default_problems = list(_default_problems(directory))
    problems = [*default_problems, *files.name_problems(), *files.description_problems()]
    examples, stored = None, sum(size for name, size in files.sizes.items() if format_name(name) == TFRECORD)
    if count_problems := list(files.count_problems()):
        # Draw only if the counts are right and half of the bytes exist: a forged draws_used may need unlimited memory.
        problems += count_problems
    elif quick or 2 * stored < record_format(task).length * task.num_examples:
        problems += files.size_problems()
    else:
        examples = example_draws(task, metadata["draws_used"], layout.num_shards)
        problems += _draw_problems(files, examples)
    if examples is None:
        problems += _digest_problems(files)
        summary = "have the right names, sizes and checksums; no example was checked"
    else:
        check = _Check(files, examples)
        problems += check.problems()
        summary = f"and {task.num_examples:,} examples are as they should be; {check.summary()}"
    summary = f"{len(files.digests) + 1} files {summary}"
    advice = _advice(files, only_beside=problems == default_problems) if problems else ""
    return CheckResult(problems, summary, metadata["sha256"], advice)


def _default_problems(directory: AnyPath) -> Iterator[str]:
    """The problem with the file beside the datasets that names the default config for TFDS."""
    for parent in list(directory.parents)[1:2]:  # a copy may be so near the root that there is none
        problem = default_problem(parent)
        # A copy outside of a data directory needs none.
        if problem and (problem != MISSING or parent.name == NAME):
            yield f"{default_path(parent)}: {problem}"


def _draw_problems(files: Files, examples: dict[str, list[np.ndarray]] | None) -> Iterator[str]:
    """The problems with the counts of a dataset with these draws as examples; None if no draws fit."""
    if examples is None:
        yield f"{files.directory / METADATA}: draws_used does not give {files.task.num_examples} examples"
        return
    for split, shards in examples.items():
        if files.lengths[split] != [len(drawn) for drawn in shards]:
            yield f"{files.directory / DATASET_INFO}: counts other examples in the files of {split}"


def _digest_problems(files: Files) -> Iterator[str]:
    """The problems with the checksums of the files of examples."""

    def check(name: str) -> list[str]:
        file = files.directory / name
        try:
            return digest_problems(file, paths.pieces(file), files.digests[name])
        except InputError:  # of a store
            raise
        except OSError as error:
            return [_unreadable(file, error)]

    for problems in parallel_map(check, [name for *_, name in files.layout.shard_files() if name in files.sizes]):
        yield from problems


class _Check:
    """The check of every example of a dataset, from the draws that are its examples."""

    def __init__(self, files: Files, examples: dict[str, list[np.ndarray]]) -> None:
        self._files, self._examples, self._task = files, examples, files.task
        max_rows = min(SAMPLED, max(1, SAMPLED_CHARACTERS // (self._task.question_width + self._task.answer_width)))
        self._step = math.ceil(self._task.num_examples / max_rows)
        self._sampled: dict[str, list[Example]] = {split: [] for split in examples}

    def problems(self) -> Iterator[str]:
        """The problems with the files of examples, and with the division into splits."""
        numbers = range(self._files.layout.num_shards)
        for problems in parallel_map(self._of_shard, [(split, n) for split in self._examples for n in numbers]):
            yield from problems
        hash_order = {split: [(row.split_hash, row.key) for row in rows] for split, rows in self._sampled.items()}
        if all(hash_order.values()) and max(hash_order["validation"]) > min(hash_order["train"]):
            yield f"{self._files.directory}: an example of validation should be one of train, or the other way round"

    def summary(self) -> str:
        """The part that was checked in plain Python, and the part that could not be."""
        count = sum(map(len, self._sampled.values()))
        several = f"{count:,} of them were" if count < self._task.num_examples else "all of them were"
        unknown = [
            *([] if independent.is_drawn(self._task) else ["operands"]),
            *([] if independent.is_solved(self._task) else ["answers"]),
        ]
        if not unknown:
            return f"{several} drawn and solved again in plain Python"
        return (
            f"{several} written again in plain Python, but without an independent check of the "
            f"{' and '.join(unknown)}, which the task's own code computes"
        )

    def _of_shard(self, split_and_shard: tuple[str, int]) -> list[str]:
        """The problems with the files of one shard of a split."""
        (split, shard), files, record = split_and_shard, self._files, record_format(self._task)
        drawn, names = self._examples[split][shard], files.layout.paths(split, shard)
        contents = _contents(self._task, files.layout.formats, drawn)
        records = np.frombuffer(contents[TFRECORD], np.uint8).reshape(-1, record.length)
        problems = [
            f"{files.directory / names[0]}: {problem}" for problem in self._of_sample(split_and_shard, drawn, records)
        ]
        for kind, name in zip(files.layout.formats, names, strict=True):
            if name in files.sizes:
                problems += self._of_file(kind, name, contents, record.texts(records))
        return problems

    def _of_sample(self, split_and_shard: tuple[str, int], drawn: np.ndarray, records: np.ndarray) -> Iterator[str]:
        """The problems with some rows of a shard, from its draws and records, by the check in plain Python."""
        (split, shard), num_shards = split_and_shard, self._files.layout.num_shards
        rows = slice(0, len(drawn), self._step)
        examples = _independent_examples(self._task, drawn[rows])
        self._sampled[split] += examples
        if records[rows].tobytes() != b"".join(independent.record(row.question, row.answer) for row in examples):
            yield _sample_problem(self._task, examples, record_format(self._task).texts(records[rows]), rows.step)
        hash_order = [(row.shard(num_shards), row.order_hash, row.key) for row in examples]
        if hash_order != sorted(hash_order) or {of_shard for of_shard, *_ in hash_order} - {shard}:
            yield "its rows are not in the order of their hashes"

    def _of_file(self, kind: str, name: str, contents: dict[str, bytes], texts: Texts) -> Iterator[str]:
        """The problems with a file of examples in a data format, from the expected contents and rows."""
        file, of_format = self._files.directory / name, format_of(kind)
        share = of_format.bytes_of(self._task, 1) * len(texts[0]) // self._task.num_examples
        try:
            data = paths.read_bytes(file, LARGER * max(share, len(contents[TFRECORD])) + MORE_BYTES)
            if of_digest := digest_problems(file, [data], self._files.digests[name]):
                yield from of_digest  # a file with another sha256 is not parsed
            elif data != contents.get(kind):
                if of_format.read:
                    _check_rows(self._task, of_format.read(data, self._task, len(texts[0])), texts)
                if kind in contents:
                    raise Problem(
                        f"is not what the parameters give, from byte {_first_other(data, contents[kind]):,} on"
                    )
        except Problem as problem:
            yield f"{file}: {problem}"
        except (InputError, RunError):  # of a store, or of the system, for lack of threads
            raise
        except (OSError, ValueError, RuntimeError) as error:  # those of Arrow are ValueErrors, too
            yield _unreadable(file, error)


def _contents(task: Task, formats: Sequence[str], drawn: np.ndarray) -> dict[str, bytes]:
    """The files of the examples of these draws, by format, for the formats whose bytes depend on no library."""
    contents = {kind: io.BytesIO() for kind in formats if not format_of(kind).library}
    files = {kind: HashedFile(content) for kind, content in contents.items()}
    write_files(task, files, drawn)
    return {kind: content.getvalue() for kind, content in contents.items()}


def _check_rows(task: Task, texts: Texts, expected: Texts) -> None:
    """Raises Problem for the first row with a wrong question or answer; all arrays are uint8 of shape (n, width)."""
    differs = np.zeros(len(expected[0]), bool)
    for side, expected_side in zip(texts, expected, strict=True):
        differs |= (side != expected_side).any(axis=1)
    if differs.any():
        row = int(np.argmax(differs))
        raise Problem(f"row {row}: {complaint(task, _row(texts, row), _row(expected, row))}")


def complaint(task: Task, row: tuple[str, str], expected: tuple[str, str]) -> str:
    """The complaint about a question and its answer that are not the expected ones."""
    for name, characters in zip(("question", "answer"), row, strict=True):
        if set(characters) - set(task.alphabet):
            return f"the {name} is not of the alphabet {task.alphabet!r}"
    return "the answer is wrong" if row[0] == expected[0] else "is not the example that the parameters give here"


def _independent_examples(task: Task, drawn: np.ndarray) -> list[Example]:
    """The examples of these draws in plain Python; for a custom task, with the operands and answers of its code."""
    sides = draws.operands(task, drawn)
    if independent.is_drawn(task):
        operands = [independent.draw(task, number) for number in drawn.tolist()]
    else:
        operands = list(zip(*map(numbers.to_ints, sides), strict=True))
    answers = [""] * len(drawn) if independent.is_solved(task) else text.to_strings(text.answers(task, *sides))
    return [independent.example(task, *row) for row in zip(operands, answers, strict=True)]


def _sample_problem(task: Task, examples: Sequence[Example], texts: Texts, step: int) -> str:
    """The complaint about rows, every ``step``-th of a shard, that differ from those in plain Python."""
    for number, example in enumerate(examples):
        row, expected = _row(texts, number), (example.question, example.answer)
        if row != expected:
            return f"row {step * number}: {complaint(task, row, expected)}"
    return "its records are not as the data format says"


def _row(texts: Texts, row: int) -> tuple[str, str]:
    """The question and the answer of a row; a damaged file may have any bytes."""
    question, answer = (side[row].tobytes().decode("latin-1") for side in texts)
    return question, answer


def _first_other(data: bytes, expected: bytes) -> int:
    """The number of the first byte that differs, or where the shorter one ends."""
    size = min(len(data), len(expected))
    differs = np.frombuffer(data, np.uint8, size) != np.frombuffer(expected, np.uint8, size)
    return int(np.argmax(differs)) if differs.any() else size


def _unreadable(file: AnyPath, error: Exception) -> str:
    return f"{file}: cannot be read ({getattr(error, 'strerror', None) or str(error).splitlines()[0]})"


def _advice(files: Files, only_beside: bool) -> str:
    """The advice about a dataset with intact metadata; empty if the dataset is not where the command would write it.

    ``only_beside`` means that only the file that names the default config is wrong.
    """
    directory, above = files.directory, list(files.directory.parents)
    if len(above) < 3 or dataset_path(above[2], files.task) != directory:
        return ""
    words = "is complete; write the file beside it" if only_beside else "is damaged; make it again"
    options = [] if only_beside else ["--overwrite"]
    return f"{directory} {words} with: {generate_command(files.task, files.layout, above[2], options)}"
