"""Checks a finished dataset: makes it again, and compares; and holds 10,000 of its rows against plain Python.

A dataset is a function of its parameters. So every shard is made again in this process, and the bytes must be the same.
The bytes of some formats depend on the version of a library (PyArrow, ArrayRecord); of these the rows are compared. The
pipeline's own functions make the shards, so a mistake of theirs would stay unseen: therefore ``independent`` draws,
solves, hashes and writes some of the rows again.

To be checked, a data format needs no more than its ``FORMAT``.
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
    files = Files.from_metadata(directory, task, layout, metadata["files"])
    of_default = list(_default_problems(directory))
    problems = [*of_default, *files.name_problems(), *files.description_problems()]
    examples, stored = None, sum(size for name, size in files.sizes.items() if format_name(name) == TFRECORD)
    if count_problems := list(files.count_problems()):
        # Draw only what counts right and has half of its bytes: a forged draws_used could ask for unlimited memory.
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
        numbers = range(self._files.layout.num_shards)
        for problems in parallel_map(self._of_shard, [(split, n) for split in self._examples for n in numbers]):
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

    def _of_shard(self, place: tuple[str, int]) -> list[str]:
        """The problems with the files of one shard of a split."""
        (split, shard), files, record = place, self._files, record_format(self._task)
        drawn, names = self._examples[split][shard], files.layout.paths(split, shard)
        made = _made(self._task, files.layout.formats, drawn)
        records = np.frombuffer(made[TFRECORD], np.uint8).reshape(-1, record.length)
        problems = [f"{files.directory / names[0]}: {problem}" for problem in self._of_sample(place, drawn, records)]
        for kind, name in zip(files.layout.formats, names, strict=True):
            if name in files.sizes:
                problems += self._of_file(kind, name, made, record.texts(records))
        return problems

    def _of_sample(self, place: tuple[str, int], drawn: np.ndarray, records: np.ndarray) -> Iterator[str]:
        """The problems with some rows of a shard, of whose draws these are the records, as plain Python sees them."""
        (split, shard), num_shards = place, self._files.layout.num_shards
        rows = slice(0, len(drawn), self._step)
        examples = _independent_examples(self._task, drawn[rows])
        self._sampled[split] += examples
        if records[rows].tobytes() != b"".join(independent.record(row.question, row.answer) for row in examples):
            yield _sample_problem(self._task, examples, record_format(self._task).texts(records[rows]), rows.step)
        places = [(row.shard(num_shards), row.order_hash, row.key) for row in examples]
        if places != sorted(places) or {of_shard for of_shard, *_ in places} - {shard}:
            yield "its rows are not in the order of their hashes"

    def _of_file(self, kind: str, name: str, made: dict[str, bytes], texts: Texts) -> Iterator[str]:
        """The problems with a file of examples in a data format, from what was made again and its rows."""
        file, of_format = self._files.directory / name, format_of(kind)
        share = of_format.bytes_of(self._task, 1) * len(texts[0]) // self._task.num_examples
        try:
            data = paths.read_bytes(file, LARGER * max(share, len(made[TFRECORD])) + MORE_BYTES)
            if of_digest := digest_problems(file, [data], self._files.digests[name]):
                yield from of_digest  # and what has another sha256 is not parsed
            elif data != made.get(kind):
                if of_format.read:
                    _check_rows(self._task, of_format.read(data, self._task, len(texts[0])), texts)
                if kind in made:
                    raise Problem(f"is not what the parameters give, from byte {_first_other(data, made[kind]):,} on")
        except Problem as problem:
            yield f"{file}: {problem}"
        except (InputError, RunError):  # of a store, or for want of threads
            raise
        except (OSError, ValueError, RuntimeError) as error:  # those of Arrow are ValueErrors, too
            yield _unreadable(file, error)


def _made(task: Task, formats: Sequence[str], drawn: np.ndarray) -> dict[str, bytes]:
    """The files of the examples of these draws, by their format; of those whose bytes depend on no library."""
    contents = {kind: io.BytesIO() for kind in formats if not format_of(kind).library}
    files = {kind: HashedFile(content) for kind, content in contents.items()}
    write_files(task, files, drawn)
    return {kind: content.getvalue() for kind, content in contents.items()}


def _check_rows(task: Task, texts: Texts, wanted: Texts) -> None:
    """Raises Problem for the first row whose question or answer is another one; all are uint8 of shape (n, width)."""
    differs = np.zeros(len(wanted[0]), bool)
    for side, right in zip(texts, wanted, strict=True):
        differs |= (side != right).any(axis=1)
    if differs.any():
        row = int(np.argmax(differs))
        raise Problem(f"row {row}: {complaint(task, _row(texts, row), _row(wanted, row))}")


def complaint(task: Task, row: tuple[str, str], wanted: tuple[str, str]) -> str:
    """What is wrong with a question and its answer, which are not the wanted ones."""
    for name, characters in zip(("question", "answer"), row, strict=True):
        if set(characters) - set(task.alphabet):
            return f"the {name} is not of the alphabet {task.alphabet!r}"
    return "the answer is wrong" if row[0] == wanted[0] else "is not the example that the parameters give here"


def _independent_examples(task: Task, drawn: np.ndarray) -> list[Example]:
    """The examples of these draws in plain Python; what it does not know of own code is taken from that."""
    sides = draws.operands(task, drawn)
    if independent.is_drawn(task):
        operands = [independent.draw(task, number) for number in drawn.tolist()]
    else:
        operands = list(zip(*map(numbers.to_ints, sides), strict=True))
    answers = [""] * len(drawn) if independent.is_solved(task) else text.to_strings(text.answers(task, *sides))
    return [independent.example(task, *row) for row in zip(operands, answers, strict=True)]


def _sample_problem(task: Task, examples: Sequence[Example], texts: Texts, step: int) -> str:
    """What is wrong with some rows, each ``step`` of a shard, that are not as in plain Python."""
    for number, example in enumerate(examples):
        row, wanted = _row(texts, number), (example.question, example.answer)
        if row != wanted:
            return f"row {step * number}: {complaint(task, row, wanted)}"
    return "its records are not as the data format says"


def _row(texts: Texts, row: int) -> tuple[str, str]:
    """The question and the answer of a row; a damaged file may have any bytes."""
    question, answer = (side[row].tobytes().decode("latin-1") for side in texts)
    return question, answer


def _first_other(data: bytes, made: bytes) -> int:
    """The number of the first byte that differs, or where the shorter one ends."""
    size = min(len(data), len(made))
    differs = np.frombuffer(data, np.uint8, size) != np.frombuffer(made, np.uint8, size)
    return int(np.argmax(differs)) if differs.any() else size


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
