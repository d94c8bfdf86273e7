"""How wrong answers differ from the right ones: which characters are wrong, confused, and where."""

import collections
import dataclasses
import itertools

import numpy as np

from seq2seq_arith.arithmetic.breakdowns import ranges
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import VISIBLE_PAD, visible
from seq2seq_arith.base.tables import LONGEST_TEXT, abridged

SWAPS = 3  # that are named per place
PLACES = ("units", "tens", "hundreds", "thousands")


@dataclasses.dataclass(frozen=True)
class Place:
    """A place of the answers, such as ``tens``, or a range of places."""

    name: str
    count: int  # of characters of right answers there
    wrong: int  # of these
    swaps: tuple[str, ...]  # the most frequent wrong characters, in words; ``VISIBLE_PAD`` for none


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Which characters are confused."""

    places: tuple[Place, ...]  # from the units on
    characters: str  # of the answers, ``VISIBLE_PAD`` last
    counts: np.ndarray  # from right character to the model's, int64 [characters, characters]; only of wrong answers


def confusion(task: Task, answers: np.ndarray, predicted: np.ndarray) -> Confusion:
    """The characters of answers beside those of the right ones, uint8 [examples, answer width], of digits."""
    right, said = _from_units(answers), _from_units(predicted)
    is_there = (right != ord(PAD)) | (said != ord(PAD))
    wrong = is_there & (right != said)
    names, index = _places(right.shape[1])
    places = []
    for number, name in enumerate(names):
        at = index == number
        count, errors = (int(np.count_nonzero(each[:, at])) for each in (is_there, wrong))
        pairs = zip(right[wrong & at].tolist(), said[wrong & at].tolist(), strict=True)
        swaps = collections.Counter(sorted(pairs)).most_common(SWAPS)  # of equally frequent ones, the first
        told = tuple(f"{visible(chr(b))} for {visible(chr(a))} × {times}" for (a, b), times in swaps)
        places.append(Place(name, count, errors, told))
    characters = task.alphabet.replace(PAD, "") + PAD
    of_code = np.zeros(256, np.int64)
    of_code[np.frombuffer(characters.encode("ascii"), np.uint8)] = np.arange(len(characters))
    counts = np.zeros((len(characters), len(characters)), np.int64)
    np.add.at(counts, (of_code[right[wrong]], of_code[said[wrong]]), 1)
    used = counts.any(axis=0) | counts.any(axis=1) | np.array([each.isdigit() for each in characters])
    kept = "".join(each for each, is_used in zip(characters, used, strict=True) if is_used)
    return Confusion(tuple(place for place in places if place.count), visible(kept), counts[np.ix_(used, used)])


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


@dataclasses.dataclass(frozen=True)
class Piece:
    """Some characters of an answer, and whether they are wrong."""

    text: str
    wrong: bool
    is_abridged: bool = False


def marked(answer: str, prediction: str, from_end: bool = True) -> tuple[Piece, ...]:
    """A prediction in pieces: right and wrong characters in turn, or one that is abridged.

    Digits are compared place by place from the end, because their place decides what they mean.

    >>> [(piece.text, piece.wrong) for piece in marked("1000", "990")]
    [('␣99', True), ('0', False)]
    >>> [(piece.text, piece.wrong) for piece in marked("1120", "1020")]
    [('1', False), ('0', True), ('20', False)]
    """
    if max(len(answer), len(prediction)) > LONGEST_TEXT or "{" in answer + prediction:
        return (Piece(abridged(prediction) or VISIBLE_PAD, prediction != answer, is_abridged=True),)
    width = max(len(answer), len(prediction))
    right, said = (text.rjust(width) if from_end else text.ljust(width) for text in (answer, prediction))
    pairs = itertools.groupby(zip(right, said, strict=True), key=lambda pair: pair[0] != pair[1])
    return tuple(Piece("".join(visible(character) for _, character in group), is_wrong) for is_wrong, group in pairs)


def in_words(pieces: tuple[Piece, ...]) -> str:
    """The wrong characters in words, for screen readers.

    >>> in_words(marked("1120", "1020")), in_words(marked("19", "19"))
    ('character 2 of 4 is wrong', '')
    """
    marks = [piece.wrong for piece in pieces for _ in piece.text]
    places, total = [number for number, is_wrong in enumerate(marks, 1) if is_wrong], len(marks)
    if not places:
        return ""
    if any(piece.is_abridged for piece in pieces):
        return "it is wrong"
    if len(places) == total:
        return "all characters are wrong" if total > 1 else "it is wrong"
    one = len(places) == 1
    return f"character{'s' * (not one)} {', '.join(map(str, places))} of {total} {'is' if one else 'are'} wrong"
