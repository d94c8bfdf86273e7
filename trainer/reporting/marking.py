"""Which characters of a wrong answer are wrong."""

import dataclasses

from seq2seq_arith.arithmetic.text import VISIBLE_PAD, visible
from seq2seq_arith.base.tables import LONGEST_TEXT, abridged


@dataclasses.dataclass(frozen=True)
class Piece:
    """Some characters of an answer, and whether they are wrong."""

    text: str
    wrong: bool
    is_abridged: bool = False


def marked(answer: str, prediction: str, from_end: bool = True) -> tuple[Piece, ...]:
    """A prediction in pieces: right and wrong characters in turn.

    Digits are compared place by place from the units, because their place decides what they mean.

    >>> [(piece.text, piece.wrong) for piece in marked("1000", "990")]
    [('␣99', True), ('0', False)]
    >>> [(piece.text, piece.wrong) for piece in marked("1120", "1020")]
    [('1', False), ('0', True), ('20', False)]

    Args:
      answer: The right answer, without padding.
      prediction: The model's answer.
      from_end: Whether places are counted from the end.

    Returns:
      The pieces; of a long answer, one piece that is abridged.
    """
    if max(len(answer), len(prediction)) > LONGEST_TEXT or "{" in answer + prediction:
        return (Piece(abridged(prediction) or VISIBLE_PAD, prediction != answer, is_abridged=True),)
    width = max(len(answer), len(prediction))
    right, said = (text.rjust(width) if from_end else text.ljust(width) for text in (answer, prediction))
    pieces: list[Piece] = []
    for expected, character in zip(right, said, strict=True):
        shown = visible(character)
        is_wrong = expected != character
        if pieces and pieces[-1].wrong == is_wrong:
            pieces[-1] = Piece(pieces[-1].text + shown, is_wrong)
        else:
            pieces.append(Piece(shown, is_wrong))
    return tuple(pieces)


def in_words(pieces: tuple[Piece, ...]) -> str:
    """Which characters are wrong, for who does not see the marks.

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
