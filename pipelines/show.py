"""Shows what a dataset looks like: rows, statistics, and a question in one-hot; for ``arith-data show`` and the demo.

The examples come from the files of a dataset, or, without any file, from the draws of its parameters::

    a directory    the first examples of each split: a random sample, because they lie in the order of a hash
    a task         the same examples; or, if the dataset takes very many draws, the first of these
"""

import dataclasses
import functools
import itertools
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import coverage, draws, text
from seq2seq_arith.arithmetic.breakdowns import RANGES, ranges
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.tasks import VERSION, Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import abridged, shortened, table
from seq2seq_arith.base.terminal import terminal_width
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.formats.layout import METADATA, NAME, SPLITS, read_shard_lengths, standing_configs
from seq2seq_arith.pipelines.formats.tfrecord import record_format, tfrecord_path
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath

ROWS = 5
# At most so many draws are made, and so many examples with so many characters are looked at, in about a second.
MOST_DRAWS = 2**20
MOST_FIRST = 2**15  # of a dataset that takes more draws
MOST_EXAMPLES = 2**18
MOST_CHARACTERS = 2**24
# More groups than these are put into ranges.
MOST_GROUPS = 12
LARGEST_POWER = 15  # a number of more digits is not written out
BLOCK, DOT = "█", "·"
PLAIN_BLOCK, PLAIN_DOT = "#", "."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """Some examples of a dataset, or all of them; those of the training split come first.

    Attributes:
      task: The dataset's parameters.
      questions, answers: As they are stored, uint8 of shape (n, width).
      directory: Where they were read; None if they were drawn here.
      draws_used: How many draws the dataset takes; None if that is not known.
    """

    task: Task
    questions: np.ndarray
    answers: np.ndarray
    directory: AnyPath | None = None
    draws_used: int | None = None

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def is_whole(self) -> bool:
        """Whether these are all examples of the dataset."""
        return len(self) == self.task.num_examples

    @functools.cached_property
    def operands(self) -> tuple[np.ndarray, ...]:
        """The operands from left to right, uint64 of shape (words, n) each."""
        return text.operands(self.task, self.questions)


def find(place: str, flags: Sequence[str] = ()) -> AnyPath:
    """The directory of a dataset: the given one, or the only dataset in it.

    Args:
      place: A dataset's directory or URL, or a directory above it.
      flags: Beam's flags for a store.

    Raises:
      InputError: There is no dataset, or there are several.
    """
    path = paths.parse_place(place, flags)
    if (path / METADATA).is_file():
        return path
    if isinstance(path, ObjectPath):
        raise InputError(f"{place} is no dataset; give DATA_DIR/seq2seq_arith/CONFIG/{VERSION}")
    there = [path / VERSION] if (path / VERSION / METADATA).is_file() else []
    there += [folder / config / VERSION for folder in (path, path / NAME) for config in standing_configs(folder)]
    if len(there) == 1:
        return there[0]
    if there:
        raise InputError(f"{place} has several datasets; give one of {', '.join(map(str, there))}")
    if "/" not in place and not path.exists():
        Task(place)  # says which tasks there are
    raise InputError(f"{place} is no dataset; give DATA_DIR/seq2seq_arith/CONFIG/{VERSION}, or a task")


def read(directory: AnyPath, most: int = MOST_EXAMPLES) -> Sample:
    """The first examples of each split of a dataset: a random sample, or all.

    Args:
      directory: The dataset's directory or prefix.
      most: How many examples to read, about.

    Raises:
      InputError: It is not a dataset as arith-data wrote it.
      StoreError: An object store fails.
    """
    try:
        task, _, metadata = read_checked(directory)
    except Problem as problem:
        raise InputError(f"{directory / METADATA}: {problem}; see arith-data verify {directory}") from None
    lengths, count = read_shard_lengths(directory), min(most, _examined(task))
    sizes = {"train": task.num_train, "validation": task.num_validation}
    if {split: sum(of_split) for split, of_split in lengths.items()} != sizes:
        raise InputError(f"{directory} does not have the examples of its name; see arith-data verify {directory}")
    heads = [_head(directory, task, split, lengths[split], _share(count, sizes[split], task)) for split in SPLITS]
    questions, answers = (np.concatenate(side) for side in zip(*heads, strict=True))
    return Sample(
        task=task, questions=questions, answers=answers, directory=directory, draws_used=metadata["draws_used"]
    )


def draw(task: Task) -> Sample:
    """The examples that ``read`` would find, drawn here; of a dataset that takes very many draws, the first of these.

    Raises:
      InputError: The dataset cannot be drawn.
    """
    count, examined = coverage.num_draws(task), _examined(task)
    is_whole = count <= MOST_DRAWS
    wanted = task.num_examples if is_whole else min(examined, MOST_FIRST)
    count = count if is_whole else 2 * wanted
    while True:
        operands = draws.operands(task, np.arange(count, dtype=np.uint64))
        # Two keys of one hash are not told apart: of 2^18 keys, one pair in 10^9 datasets.
        hashes = draws.key_hash(task, draws.ORDER, draws.key(task, *operands))
        _, first = np.unique(hashes, return_index=True)
        if len(first) >= wanted:
            break
        count *= 2
    last = np.partition(first, wanted - 1)[wanted - 1]
    chosen = first[first <= last]  # in the order of the hashes
    if is_whole:
        chosen = np.concatenate(
            [of_split[: _share(examined, len(of_split), task)] for of_split in _splits(task, operands, chosen)]
        )
    kept = [np.ascontiguousarray(side[:, chosen]) for side in operands]
    return Sample(
        task=task,
        questions=text.questions(task, *kept),
        answers=text.answers(task, *kept),
        draws_used=int(last) + 1 if is_whole else None,
    )


def dataset(sample: Sample, rows: int = ROWS, *, as_json: bool = False) -> str:
    """All that there is to show of a dataset, as text or as a JSON object."""
    if as_json:
        return json.dumps(facts(sample, rows))
    return f"{introduction(sample, rows)}\n\n{statistics(sample)}"


def question(task: Task, question: str, *, as_json: bool = False) -> str:
    """A question in one-hot, as a picture or as a JSON object.

    Raises:
      InputError: It is not a question of this task, or it is too long.
    """
    stored, ones = one_hot(task, question)
    if as_json:
        found = {"question": question, "stored": stored, "alphabet": task.alphabet}
        return json.dumps(found | {"one_hot": ones.astype(int).tolist()})
    return picture(task, stored, ones, terminal_width(), *_marks())


def facts(sample: Sample, rows: int = ROWS) -> dict[str, Any]:
    """What there is to know of a dataset, as JSON holds it.

    Args:
      sample: The examples.
      rows: How many of them to show.
    """
    task, used = sample.task, sample.draws_used
    return {
        "dataset": task.config_name,
        "directory": None if sample.directory is None else str(sample.directory),
        "parameters": task.parameters(),
        "splits": {"train": task.num_train, "validation": task.num_validation},
        "possible_pairs": coverage.key_classes(task).total,
        "draws_used": used,
        "duplicates": None if used is None else used - task.num_examples,
        "question_width": task.question_width,
        "answer_width": task.answer_width,
        "alphabet": task.alphabet,
        "rows": [
            dict(zip(("question", "answer", "stored_question", "stored_answer"), row, strict=True))
            for row in _rows(sample, rows)
        ],
        "examined": len(sample),
        "lengths": _lengths(sample),
        "shares": _shares(sample),
    }


def introduction(sample: Sample, rows: int = ROWS) -> str:
    """How many examples there are, how many duplicates were dropped and why, and some rows."""
    task = sample.task
    lines = [
        f"{task.description}: {task.num_train:,} training and {task.num_validation:,} validation examples",
        "drawn here; no file was read or written" if sample.directory is None else str(sample.directory),
        *_duplicates(sample),
    ]
    shown = [
        [abridged(question), abridged(answer), f'"{abridged(stored)}"', f'"{abridged(stored_answer)}"']
        for question, answer, stored, stored_answer in _rows(sample, rows)
    ]
    if shown:
        lines += ["", table(["question", "answer", "question as stored", "answer as stored"], shown)]
        padded = f"padded with blanks to {task.question_width:,} and {task.answer_width:,} characters"
        lines.append(
            f"Stored questions are reversed; both are {padded}." if task.reverse else f"Stored strings are {padded}."
        )
    if any("{" in cell for row in shown for cell in row):
        run = "7{20} stands for 20 digits 7" if task.notation.has_digits else "-{20} stands for 20 dashes"
        lines.append(f"{run} in a row.")
    return "\n".join(lines)


def statistics(sample: Sample) -> str:
    """The shortest and the longest strings, the lengths of the operands, and the breakdowns of the task, as tables."""
    lines = []
    if not sample.is_whole:
        of = "the first draws" if sample.draws_used is None else "a random sample"
        lines.append(f"statistics of {len(sample):,} examples, {of}\n")
    rows = [
        [name, each["mean"], each["shortest"], abridged(each["shortest_text"]), each["longest"],
         abridged(each["longest_text"])]
        for name, each in _lengths(sample).items()
    ]  # fmt: skip
    lines.append(table(["characters", "mean", "shortest", "such as", "longest", "such as"], rows))
    for name, groups in _shares(sample).items():
        header = list(groups[0])
        cells = [
            [f"{value:.1%}" if isinstance(value, float) else value for value in group.values()] for group in groups
        ]
        lines.append(f"\n{table([name, *header[1:]], cells)}")
    return "\n".join(lines)


def one_hot(task: Task, question: str) -> tuple[str, np.ndarray]:
    """A question as it is stored, and in one-hot.

    >>> stored, ones = one_hot(Task("pq", digits=3), "--p-")
    >>> stored, Task("pq").alphabet
    ('--p-   ', ' -pq')
    >>> ones.astype(int).tolist()
    [[0, 0, 0, 0, 1, 1, 1], [1, 1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]]

    Args:
      task: The task; its strings must have room for the question.
      question: The question as a person writes it.

    Returns:
      The stored question, and bool of shape (characters of the alphabet, positions).

    Raises:
      InputError: It is not a question of this task, or it is too long.
    """
    operands = text.typed_operands(question, task)
    notation = task.notation
    for operand in operands:
        if not notation.allows(task.digits, operand):
            raise InputError(
                f"the question {shortened(question.strip())!r} has the operand {shortened(operand)!r}, and here are "
                f"only operands of {notation.describe(task.digits)}; give another question, or {notation.larger}"
            )
    stored = text.stored(task, *operands)
    return stored, np.array([[each == character for each in stored] for character in task.alphabet])


def picture(task: Task, stored: str, ones: np.ndarray, width: int, block: str = BLOCK, dot: str = DOT) -> str:
    """One-hot as a picture: a row per character of the alphabet, a column per position; cut to the width.

    Args:
      task: The task.
      stored, ones: As ``one_hot`` gives them.
      width: Characters of a line.
      block, dot: The marks of 1 and 0.
    """
    label, positions = len("position "), ones.shape[1]
    step = 2 if label + 2 * positions <= width else 1
    shown = max(1, min(positions, (width - label) // step))
    gap = " " * (step - 1)
    # The characters are named in quotes, because one of them is the blank.
    rows = [("position", [str(position % 10) for position in range(shown)]), ("stored", list(stored[:shown]))]
    rows += [
        (repr(character), [block if one else dot for one in row[:shown]])
        for character, row in zip(task.alphabet, ones, strict=True)
    ]
    lines = [f"{name:<{label}}{gap.join(cells)}".rstrip() for name, cells in rows]
    brief = f'"{abridged(stored)}"'
    head = f"one-hot of {brief}: {len(task.alphabet)} characters × {positions:,} positions"
    cut = f", of which the first {shown:,} fit here" if shown < positions else ""
    return "\n".join([f"{head}{cut}", *lines, f"{block} is 1, {dot} is 0; each position has one 1."])


def _examined(task: Task) -> int:
    """How many examples of a dataset are looked at."""
    fitting = MOST_CHARACTERS // (task.question_width + task.answer_width)
    return max(1, min(task.num_examples, MOST_EXAMPLES, fitting))


def _share(examined: int, of_split: int, task: Task) -> int:
    """How many examples of a split are looked at: its share of all, rounded up."""
    return -(-examined * of_split // task.num_examples)


def _head(directory: AnyPath, task: Task, split: str, lengths: Sequence[int], count: int) -> list[np.ndarray]:
    """The first questions and answers of a split, uint8 of shape (count, width) each."""
    record, parts = record_format(task), []
    for shard, length in enumerate(lengths):
        rows = min(length, count - sum(map(len, parts)))
        records = np.empty((rows, record.length), np.uint8)
        file = directory / tfrecord_path(split, shard, len(lengths))
        try:
            size = paths.read_into(file, 0, records.data.cast("B")) if rows else 0
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
        if size < records.nbytes or not record.intact(records).all():
            raise InputError(f"{file} is damaged; see arith-data verify {directory}")
        parts.append(records)
    records = np.concatenate(parts)
    return [np.ascontiguousarray(column) for column in record.texts(records)]


def _splits(task: Task, operands: tuple[np.ndarray, ...], chosen: np.ndarray) -> list[np.ndarray]:
    """The draws of the training and of the validation split of a whole dataset, in their order."""
    hashes = draws.key_hash(task, draws.SPLIT, draws.key(task, *(side[:, chosen] for side in operands)))
    is_validation = np.zeros(len(chosen), bool)
    is_validation[np.argpartition(hashes, task.num_validation - 1)[: task.num_validation]] = True
    return [chosen[~is_validation], chosen[is_validation]]


def _rows(sample: Sample, count: int) -> list[tuple[str, str, str, str]]:
    """The first examples: question and answer as people write them, and both as they are stored."""
    strings = [
        [row.tobytes().decode("ascii") for row in np.ascontiguousarray(column[:count])]
        for column in (sample.questions, sample.answers)
    ]
    return [
        (text.written(question, sample.task), answer.strip(), question, answer)
        for question, answer in zip(*strings, strict=True)
    ]


def _duplicates(sample: Sample) -> list[str]:
    """How many draws were dropped, and why there are any; nothing if that is not known."""
    task, classes = sample.task, coverage.key_classes(sample.task)
    if sample.draws_used is None:
        return []
    duplicates = sample.draws_used - task.num_examples
    if task.operation.arity != 2:
        return [f"{sample.draws_used:,} questions were drawn, and {duplicates:,} of them dropped, as drawn before."]
    a, b = task.notation.example
    symbol = task.operation.symbol
    if task.ordered:
        one = f"{a}{symbol}{b} and {b}{symbol}{a} count as two pairs"
    else:
        one = f"{a}{symbol}{b} and {b}{symbol}{a} count as one pair"
    if not duplicates:
        return [f"{sample.draws_used:,} pairs were drawn, and none of them twice ({one})."]
    few = classes.total < 10**LARGEST_POWER
    why = f"There are {f'{classes.total:,}' if few else f'more than 10^{LARGEST_POWER}'} different pairs."
    if task.drawing.has_short_pairs and task.digits > 1:
        single = int(task.drawing.values(task.digits)[0][0])
        pairs = single**2 if task.ordered else single * (single + 1) // 2
        why += f" Short numbers are drawn as often as long ones, but only {pairs} pairs have one digit each."
    return [
        f"{sample.draws_used:,} pairs were drawn, and {duplicates:,} of them dropped, because the same pair had been "
        f"drawn before ({one}).",
        why,
    ]


def _lengths(sample: Sample) -> dict[str, dict[str, Any]]:
    """The lengths of questions and answers in characters, with a shortest and a longest one of each."""
    found = {}
    for name, column in (("question", sample.questions), ("answer", sample.answers)):
        lengths = np.sum(column != ord(PAD), axis=1)
        shortest, longest = int(np.argmin(lengths)), int(np.argmax(lengths))
        strings = [column[row].tobytes().decode("ascii") for row in (shortest, longest)]
        if name == "question":
            strings = [text.written(string, sample.task) for string in strings]
        found[name] = {
            "mean": round(float(lengths.mean()), 1),
            "shortest": int(lengths[shortest]),
            "shortest_text": strings[0].strip(),
            "longest": int(lengths[longest]),
            "longest_text": strings[1].strip(),
        }
    return found


def _shares(sample: Sample) -> dict[str, list[dict[str, Any]]]:
    """The shares of the examples by the lengths of their operands, and by the breakdowns of the task."""
    task = sample.task
    sides = [ranges(task.operand_width, task.notation.measure(side)) for side in sample.operands]
    names, _ = sides[0]
    by_side = [np.bincount(index, minlength=len(names)) / len(sample) for _, index in sides]
    unit = f"{task.notation.characters} of an operand"
    found: dict[str, list[dict[str, Any]]] = {
        unit: [
            {"group": name.replace(" ", ""), **dict(zip(task.operation.sides, map(float, shares), strict=True))}
            for name, *shares in zip(names, *by_side, strict=True)
        ]
    }
    for name, group in task.operation.breakdowns.items():
        values, counts = _groups(group(*sample.operands))
        found[name] = [
            {"group": value, "share": float(count / len(sample))} for value, count in zip(values, counts, strict=True)
        ]
    return found


def _groups(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The groups of an array and the size of each; numbers of many values are put into ranges.

    >>> _groups(np.array([0, 1, 1, 2]))
    (['0', '1', '2'], array([1, 2, 1]))
    >>> _groups(np.arange(100))
    (['0-19', '20-39', '40-59', '60-79', '80-99'], array([20, 20, 20, 20, 20]))
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= MOST_GROUPS or not np.issubdtype(distinct.dtype, np.integer):
        return [str(value) for value in distinct.tolist()], counts
    edges = np.linspace(distinct[0], distinct[-1] + 1, RANGES + 1).astype(int)
    index = np.searchsorted(edges, values, "right") - 1
    return [f"{low}-{high - 1}" for low, high in itertools.pairwise(edges)], np.bincount(index)


def _marks() -> tuple[str, str]:
    """The marks of 1 and 0 that standard output can show."""
    try:
        f"{BLOCK}{DOT}".encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return PLAIN_BLOCK, PLAIN_DOT
    return BLOCK, DOT
