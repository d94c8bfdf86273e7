"""What a page is made of: tables with their cells, pictures, sentences, and the tiles of the overview."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from seq2seq_arith.trainer.reporting.errors import Piece


class Code(str):
    """A text in letters of one width."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class Named:
    """A text with a smaller one below it."""

    text: str
    why: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer of a model, its wrong characters marked, and whether it is right."""

    pieces: tuple[Piece, ...]
    words: str  # which characters are wrong, for screen readers


@dataclasses.dataclass(frozen=True)
class Heat:
    """A cell of a map: its text, a smaller one, and how strong its colour is, from 0 to 1; None for an empty cell."""

    text: str
    small: str
    strength: float | None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table. A number is written with commas, a ``Share`` as a figure and a bar, and None as a dash."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]  # the first cell is a header
    kind: str = ""  # classes of the style sheet: ``wide`` takes the whole width, ``heat`` is a map
    folded: str = ""  # the line that unfolds the table


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph; or, as a command, the words of one."""

    text: str
    is_command: bool = False


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as SVG."""

    title: str
    svg: str


@dataclasses.dataclass(frozen=True)
class Tile:
    """A figure of the overview, with a sentence about it."""

    name: str
    figure: str
    note: str


Block = Table | Text | Picture | Sequence[Tile]
