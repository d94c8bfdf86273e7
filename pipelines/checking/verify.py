"""Checks a finished dataset: makes it again, and compares; and holds 10,000 of its rows against plain Python.

A dataset is a function of its parameters. So every file is made again in this process, and only its checksum is kept:
the bytes must be the same. Another version of the file's library (PyArrow, ArrayRecord) may have written others; then
the rows are compared. The pipeline's own functions make the files, so a mistake of theirs would stay unseen: therefore
``independent`` draws, solves, hashes and writes some of the rows again.

To be checked, a data format needs no more than its ``FORMAT``.
"""

import dataclasses
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import draws, numbers, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.base.files import HashedFile
from seq2seq_arith.pipelines.checking import Problem, independent
from seq2seq_arith.pipelines.checking.files import Files, digest_problems
from seq2seq_arith.pipelines.checking.independent import Example
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.formats.advice import generate_command
from seq2seq_arith.pipelines.formats.default_config import MISSING, default_path, default_problem
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, METADATA, NAME, TFRECORD, format_name, format_of
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.shards import write_files
from seq2seq_arith.pipelines.formats.tfrecord import record_format
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath
from seq2seq_arith.pipelines.steps.example_draws import example_draws, parallel_map

SAMPLED = 10_000  # rows that are held against plain Python
SAMPLED_CHARACTERS = 2**23  # of long rows fewer
# A file that another version of a library has written may be larger than the one that is made here.
LARGER, MORE_BYTES = 2, 2**20


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
    examples, held = None, sum(size for name, size in files.sizes.items() if format_name(name) == TFRECORD)
    if count_problems := list(files.count_problems()):
        # Draw only what counts right and has half of its bytes: a forged draws_used could ask for unlimited memory.
        problems += count_problems
    elif quick or 2 * held < record_format(task).length * task.num_examples:
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
    advice = _advice(files, only_beside=problems == of_default) if problems else ""
    return CheckResult(problems, summary, metadata["sha256"], advice)


def _default_problems(directory: AnyPath) -> Iterator[str]:
    """The problem with the file beside the datasets, by which TFDS finds the default config."""
    for parent in list(directory.parents)[1:2]:  # a copy may stand so near the root that there is none
        problem = default_problem(parent)
        # A copy that stands alone needs none.
        if problem and (problem != MISSING or parent.name == NAME):
            yield f"{default_path(parent)}: {problem}"


def _draw_problems(files: Files, examples: dict[str, list[np.ndarray]] | None) -> Iterator[str]:
    """The problems with the counts of a dataset, of whose draws these are the examples; None if there is none such."""
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
    """The check of every example of a dataset, of whose draws these are the examples."""

    def __init__(self, files: Files, examples: dict[str, list[np.ndarray]]) -> None:
        self._files, self._examples, self._task = files, examples, files.task
        most = min(SAMPLED, max(1, SAMPLED_CHARACTERS // (self._task.question_width + self._task.answer_width)))
        self._step = math.ceil(self._task.num_examples / most)
        self._sampled: dict[str, list[Example]] = {split: [] for split in examples}

    def problems(self) -> Iterator[str]:
        """The problems with the files of examples, and with the division into splits."""
        for problems in parallel_map(self._of_shard, [(split, n) for split in self._examples for n in self._numbers]):
            yield from problems
        places = {split: [(row.split_hash, row.key) for row in rows] for split, rows in self._sampled.items()}
        if all(places.values()) and max(places["validation"]) > min(places["train"]):
            yield f"{self._files.directory}: an example of validation should be one of train, or the other way round"

    def summary(self) -> str:
        """What was held against plain Python, and what could not be."""
        count = sum(map(len, self._sampled.values()))
        several = f"{count:,} of them were" if count < self._task.num_examples else "all of them were"
        unknown = [
            *([] if independent.is_drawn(self._task) else ["operands"]),
            *([] if independent.is_solved(self._task) else ["answers"]),
        ]
        if not unknown:
            return f"{several} drawn and solved again in plain Python"
        return (
            f"{several} written again in plain Python, but nothing independent is known of the "
            f"{' and '.join(unknown)}, which are those of the task's own code"
        )

    @property
    def _numbers(self) -> range:
        return range(self._files.layout.num_shards)

    def _of_shard(self, place: tuple[str, int]) -> list[str]:
        """The problems with the files of one shard of a split."""
        split, shard = place
        drawn, files = self._examples[split][shard], self._files
        sampled = _Sample(self._task, drawn, self._step)
        made = self._made(drawn)
        self._sampled[split] += sampled.examples
        problems, names = [], files.layout.paths(split, shard)
        for kind, name in zip(files.layout.formats, names, strict=True):
            if name in files.sizes:
                problems += self._of_file(kind, name, made[kind], sampled)
        places = [(row.shard(files.layout.num_shards), row.order_hash, row.key) for row in sampled.examples]
        if places != sorted(places) or {of_shard for of_shard, *_ in places} - {shard}:
            problems.append(f"{files.directory / names[0]}: its rows are not in the order of their hashes")
        return problems

    def _of_file(self, kind: str, name: str, made: HashedFile, sampled: "_Sample") -> Iterator[str]:
        """The problems with a file of examples in a data format, of which ``made`` was made again."""
        file = self._files.directory / name
        try:
            data = paths.read_bytes(file, LARGER * made.num_bytes + MORE_BYTES)
            if of_digest := digest_problems(file, [data], self._files.digests[name]):
                yield from of_digest  # and what has another sha256 is not parsed
                return
            if made.sha256 != self._files.digests[name]:
                _compare(self._task, kind, data, sampled.drawn)
            sampled.check(kind, data)
        except Problem as problem:
            yield f"{file}: {problem}"
        except (InputError, RunError):  # of a store, or for want of threads
            raise
        except (OSError, ValueError, RuntimeError) as error:  # those of Arrow are ValueErrors, too
            yield _unreadable(file, error)

    def _made(self, drawn: np.ndarray) -> dict[str, HashedFile]:
        """The files of the examples of these draws, by their format, of which only the checksum and the size stay."""
        with Path(os.devnull).open("wb", buffering=0) as nowhere:
            made = {kind: HashedFile(nowhere) for kind in self._files.layout.formats}
            write_files(self._task, made, drawn)
        return made


class _Sample:
    """Some rows of a shard, from the draws of its examples, held against plain Python."""

    def __init__(self, task: Task, drawn: np.ndarray, step: int) -> None:
        self._task, self.drawn, self._rows = task, drawn, slice(0, len(drawn), step)
        chosen = drawn[self._rows]
        sides = draws.operands(task, chosen)
        if independent.is_drawn(task):
            operands = [independent.draw(task, number) for number in chosen.tolist()]
        else:
            operands = list(zip(*map(numbers.to_ints, sides), strict=True))
        answers: list[Any] = [None] * len(chosen)
        if not independent.is_solved(task):
            answers = text.to_strings(text.answers(task, *sides))
        self.examples = [independent.example(task, *row) for row in zip(operands, answers, strict=True)]

    def check(self, kind: str, data: bytes) -> None:
        """Raises Problem if these rows are others in the content of a file, or not in their order."""
        wanted, read = [(row.question, row.answer) for row in self.examples], format_of(kind).read
        if kind == TFRECORD:
            rows = np.frombuffer(data, np.uint8).reshape(-1, record_format(self._task).length)[self._rows]
            if rows.tobytes() == b"".join(independent.record(*pair) for pair in wanted):
                return
        if read:
            sides = (text.to_strings(side[self._rows]) for side in read(data, self._task, len(self.drawn)))
            for number, (pair, right) in enumerate(zip(zip(*sides, strict=True), wanted, strict=True)):
                if pair != right:
                    row = number * self._rows.step
                    raise Problem(f"row {row}: {independent.complaint(self._task, pair, right)}")
        if kind == TFRECORD:
            raise Problem("its rows are right, but its records are not as the data format says")


def _compare(task: Task, kind: str, data: bytes, drawn: np.ndarray) -> None:
    """Raises Problem if a file's content is not that of the examples of these draws, written by some version."""
    content = io.BytesIO()
    file = HashedFile(content)  # which closes it when it goes
    write_files(task, {kind: file}, drawn)
    of_format, made = format_of(kind), content.getvalue()
    if of_format.read:
        texts, wanted = (of_format.read(stored, task, len(drawn)) for stored in (data, made))
        differs = np.zeros(len(drawn), bool)
        for side, right in zip(texts, wanted, strict=True):
            differs |= (side != right).any(axis=1)
        if differs.any():
            row = int(np.argmax(differs))
            pairs = (tuple(side[row].tobytes().decode("latin-1") for side in sides) for sides in (texts, wanted))
            raise Problem(f"row {row}: {independent.complaint(task, *pairs)}")
    if not of_format.library and data != made:
        size = min(len(data), len(made))
        differs = np.frombuffer(data, np.uint8, size) != np.frombuffer(made, np.uint8, size)
        place = int(np.argmax(differs)) if differs.any() else size
        raise Problem(f"is not what the parameters give, from byte {place:,} on")


def _unreadable(file: AnyPath, error: Exception) -> str:
    return f"{file}: cannot be read ({getattr(error, 'strerror', None) or str(error).splitlines()[0]})"


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
