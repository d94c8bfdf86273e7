"""How wrong answers differ from right ones: which characters are confused, and at which digit positions."""

import collections
import dataclasses
import itertools

import numpy as np

from seq2seq_arith.arithmetic.breakdowns import ranges
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import VISIBLE_PAD, visible
from seq2seq_arith.base.tables import LONGEST_TEXT, abridged

SWAPS = 3  # per digit position
POSITIONS = ("units", "tens", "hundreds", "thousands")


@dataclasses.dataclass(frozen=True)
class Position:
    """A digit position of the answers, such as ``tens``, or a range of positions."""

    name: str
    count: int  # of characters of right answers at the position
    wrong: int  # of these
    swaps: tuple[str, ...]  # the most frequent confusions, in words; ``VISIBLE_PAD`` for no character


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Which characters are confused."""

    positions: tuple[Position, ...]  # from the units on
    characters: str  # of the answers, ``VISIBLE_PAD`` last
    counts: np.ndarray  # from right character to the model's, int64 [characters, characters]; only of wrong answers


def confusion(task: Task, answers: np.ndarray, predicted: np.ndarray) -> Confusion:
    """Compares predicted with right answers, uint8 [examples, answer width], which are numbers, digit by digit."""
    right, written = _from_units(answers), _from_units(predicted)
    is_used = (right != ord(PAD)) | (written != ord(PAD))
    wrong = is_used & (right != written)
    names, index = _positions(right.shape[1])
    positions = []
    for number, name in enumerate(names):
        at = index == number
        count, errors = (int(np.count_nonzero(mask[:, at])) for mask in (is_used, wrong))
        pairs = zip(right[wrong & at].tolist(), written[wrong & at].tolist(), strict=True)
        swaps = collections.Counter(sorted(pairs)).most_common(SWAPS)  # of equally frequent ones, the first
        in_words = tuple(f"{visible(chr(b))} for {visible(chr(a))} × {times}" for (a, b), times in swaps)
        positions.append(Position(name, count, errors, in_words))
    characters = task.alphabet.replace(PAD, "") + PAD
    of_code = np.zeros(256, np.int64)
    of_code[np.frombuffer(characters.encode("ascii"), np.uint8)] = np.arange(len(characters))
    counts = np.zeros((len(characters), len(characters)), np.int64)
    np.add.at(counts, (of_code[right[wrong]], of_code[written[wrong]]), 1)
    used = counts.any(axis=0) | counts.any(axis=1) | np.array([character.isdigit() for character in characters])
    kept = "".join(itertools.compress(characters, used))
    return Confusion(
        tuple(position for position in positions if position.count), visible(kept), counts[np.ix_(used, used)]
    )


def _from_units(strings: np.ndarray) -> np.ndarray:
    """Strings that are padded on the right, from their last character on: uint8 [examples, width]."""
    width = strings.shape[1]
    lengths = width - np.argmax(strings[:, ::-1] != ord(PAD), axis=1)
    lengths = np.where((strings != ord(PAD)).any(axis=1), lengths, 0)
    index = lengths[:, None] - 1 - np.arange(width)
    taken = np.take_along_axis(strings, np.maximum(index, 0), axis=1)
    return np.where(index >= 0, taken, np.uint8(ord(PAD)))


def _positions(width: int) -> tuple[list[str], np.ndarray]:
    """The names of digit positions, or of ranges if they are many, and the index of each column's name."""
    names, index = ranges(width, np.arange(1, width + 1))
    if len(names) == width:
        names = [*POSITIONS, *(f"10^{power}" for power in range(len(POSITIONS), width))][:width]
    else:
        names = [f"positions {name.replace(' ', '')} from the end" for name in names]
    return names, index


@dataclasses.dataclass(frozen=True)
class Piece:
    """Adjacent characters of an answer, and whether they are wrong."""

    text: str
    wrong: bool
    is_abridged: bool = False


def marked(answer: str, prediction: str, from_end: bool = True) -> tuple[Piece, ...]:
    """A prediction in pieces: right and wrong characters in turn, or one that is abridged.

    Digits are aligned at the end (``from_end``), because their position from the units decides their value.

    >>> [(piece.text, piece.wrong) for piece in marked("1000", "990")]
    [('␣99', True), ('0', False)]
    >>> [(piece.text, piece.wrong) for piece in marked("1120", "1020")]
    [('1', False), ('0', True), ('20', False)]
    """
    if max(len(answer), len(prediction)) > LONGEST_TEXT or "{" in answer + prediction:
        return (Piece(abridged(prediction) or VISIBLE_PAD, prediction != answer, is_abridged=True),)
    width = max(len(answer), len(prediction))
    right, written = (text.rjust(width) if from_end else text.ljust(width) for text in (answer, prediction))
    pairs = itertools.groupby(zip(right, written, strict=True), key=lambda pair: pair[0] != pair[1])
    return tuple(Piece("".join(visible(character) for _, character in group), is_wrong) for is_wrong, group in pairs)


def in_words(pieces: tuple[Piece, ...]) -> str:
    """The wrong characters in words, for screen readers.

    >>> in_words(marked("1120", "1020")), in_words(marked("19", "19"))
    ('character 2 of 4 is wrong', '')
    """
    marks = [piece.wrong for piece in pieces for _ in piece.text]
    positions, total = [number for number, is_wrong in enumerate(marks, 1) if is_wrong], len(marks)
    if not positions:
        return ""
    if any(piece.is_abridged for piece in pieces):
        return "it is wrong"
    if len(positions) == total:
        return "all characters are wrong" if total > 1 else "it is wrong"
    is_single = len(positions) == 1
    noun, verb = ("character", "is") if is_single else ("characters", "are")
    return f"{noun} {', '.join(map(str, positions))} of {total} {verb} wrong"
