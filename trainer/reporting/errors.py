"""How wrong answers differ from the right ones: which characters are confused, where, and by how many dashes."""

import collections
import dataclasses

import numpy as np

from seq2seq_arith.arithmetic.breakdowns import ranges
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import visible

SWAPS = 3  # that are named per place
OFFSETS = 9  # that are listed
PLACES = ("units", "tens", "hundreds", "thousands")


@dataclasses.dataclass(frozen=True)
class Swap:
    """A wrong character in the place of a right one, and how often; ``VISIBLE_PAD`` for none."""

    right: str
    said: str
    count: int


@dataclasses.dataclass(frozen=True)
class Place:
    """A place of the answers, or a range of places.

    Attributes:
      name: Such as ``tens``.
      count: Characters of right answers there.
      wrong: How many of them the model has wrong.
      swaps: The most frequent wrong characters.
    """

    name: str
    count: int
    wrong: int
    swaps: tuple[Swap, ...]


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Which characters are confused.

    Attributes:
      places: From the units on.
      characters: Of the answers, ``VISIBLE_PAD`` last.
      counts: From right character to the model's, int64 [characters, characters]; only of wrong answers.
    """

    places: tuple[Place, ...]
    characters: str
    counts: np.ndarray


@dataclasses.dataclass(frozen=True)
class Offset:
    """How many wrong answers have so many dashes too many, or too few; None for answers that are not a q and dashes."""

    dashes: int | None
    count: int


def confusion(task: Task, answers: np.ndarray, predicted: np.ndarray) -> Confusion:
    """The characters of answers beside those of the right ones, place by place from the units.

    Args:
      task: A task on numbers with digits.
      answers: uint8 [examples, answer width].
      predicted: Likewise.
    """
    right, said = _from_units(answers), _from_units(predicted)
    is_there = (right != ord(PAD)) | (said != ord(PAD))
    wrong = is_there & (right != said)
    names, index = _places(right.shape[1])
    places = []
    for number, name in enumerate(names):
        columns = index == number
        places.append(
            Place(
                name,
                int(np.count_nonzero(is_there[:, columns])),
                int(np.count_nonzero(wrong[:, columns])),
                _swaps(right[:, columns][wrong[:, columns]], said[:, columns][wrong[:, columns]]),
            )
        )
    characters = task.alphabet.replace(PAD, "") + PAD
    of_code = np.zeros(256, np.int64)
    of_code[np.frombuffer(characters.encode("ascii"), np.uint8)] = np.arange(len(characters))
    counts = np.zeros((len(characters), len(characters)), np.int64)
    np.add.at(counts, (of_code[right[wrong]], of_code[said[wrong]]), 1)
    used = counts.any(axis=0) | counts.any(axis=1) | np.array([each.isdigit() for each in characters])
    kept = "".join(each for each, is_used in zip(characters, used, strict=True) if is_used)
    return Confusion(tuple(place for place in places if place.count), visible(kept), counts[np.ix_(used, used)])


def offsets(task: Task, answers: np.ndarray, predicted: np.ndarray) -> tuple[Offset, ...]:
    """By how many dashes wrong answers are off, the most frequent first.

    Args:
      task: A task whose answers are dashes behind a prefix.
      answers: uint8 [examples, answer width], wrongly answered.
      predicted: Likewise.
    """
    found: collections.Counter[int | None] = collections.Counter()
    prefix = task.operation.answer_prefix.encode("ascii")
    for right, said in zip(answers, predicted, strict=True):
        text = said.tobytes().rstrip()
        is_dashes = text.startswith(prefix) and not text[len(prefix) :].strip(b"-")
        found[len(text) - len(right.tobytes().rstrip()) if is_dashes else None] += 1
    return tuple(Offset(dashes, count) for dashes, count in found.most_common(OFFSETS))


def _from_units(strings: np.ndarray) -> np.ndarray:
    """Strings that are padded on the right, from their last character on: uint8 [examples, width]."""
    width = strings.shape[1]
    lengths = width - np.argmax(strings[:, ::-1] != ord(PAD), axis=1)
    lengths = np.where((strings != ord(PAD)).any(axis=1), lengths, 0)
    index = lengths[:, None] - 1 - np.arange(width)
    taken = np.take_along_axis(strings, np.maximum(index, 0), axis=1)
    return np.where(index >= 0, taken, np.uint8(ord(PAD)))


def _places(width: int) -> tuple[list[str], np.ndarray]:
    """The names of places, or of ranges of places if there are many, and which one each column has."""
    names, index = ranges(width, np.arange(1, width + 1))
    if len(names) == width:
        names = [*PLACES, *(f"10^{power}" for power in range(len(PLACES), width))][:width]
    else:
        names = [f"places {name.replace(' ', '')} from the end" for name in names]
    return names, index


def _swaps(right: np.ndarray, said: np.ndarray) -> tuple[Swap, ...]:
    pairs = collections.Counter(zip(right.tolist(), said.tolist(), strict=True))
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:SWAPS]
    return tuple(Swap(visible(chr(a)), visible(chr(b)), count) for (a, b), count in ordered)
