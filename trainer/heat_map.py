"""Maps of numbers in which colours are values, many in one picture; matplotlib is imported when one is drawn.

Their colours are perceptually uniform, and can be read without telling hues apart.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.base import packages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LABELS = 60  # longer axes are not labelled step by step
MOST_COLUMNS = 4
WIDTH, HEIGHT = 4.2, 3.6  # inches of one map


@dataclasses.dataclass(frozen=True, eq=False)
class HeatMap:
    """A map.

    Attributes:
      title: What it shows.
      values: The numbers, [rows, columns]; from 0 to 1, unless they are signed.
      rows, columns: The names on the axes.
      signed: Whether zero is in the middle of the colours.
    """

    title: str
    values: np.ndarray
    rows: Sequence[Any]
    columns: Sequence[Any]
    signed: bool = False

    def draw(self, axes: Any) -> Any:
        """Draws the map on matplotlib's axes; returns the image, for a bar of its colours."""
        most = float(np.abs(self.values).max(initial=0)) or 1.0
        least, most, colours = (-most, most, "PuOr") if self.signed else (0, 1, "cividis")
        image = axes.imshow(self.values, aspect="auto", interpolation="nearest", vmin=least, vmax=most, cmap=colours)
        axes.set_title(self.title, fontsize=9)
        for names, axis in ((self.rows, axes.yaxis), (self.columns, axes.xaxis)):
            if len(names) <= MOST_LABELS:
                axis.set_ticks(range(len(names)), [str(name) for name in names], fontsize=7)
        return image


def drawn(maps: Sequence[HeatMap], *, width: float = WIDTH, height: float = HEIGHT) -> "Figure":
    """A picture of some maps, each with a bar of its colours.

    Args:
      maps: The maps.
      width, height: Inches of one map.

    Raises:
      InputError: matplotlib is not installed.
    """
    packages.require("the picture", "matplotlib", "train")
    from matplotlib.figure import Figure

    columns = min(MOST_COLUMNS, len(maps))
    lines = -(-len(maps) // columns)
    figure = Figure(figsize=(width * columns, height * lines), layout="constrained")
    for number, each in enumerate(maps, 1):
        axes = figure.add_subplot(lines, columns, number)
        figure.colorbar(each.draw(axes), ax=axes)
    return figure
