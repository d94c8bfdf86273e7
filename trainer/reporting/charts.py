"""The report's own charts: how far a model can be trusted, and its network; ``history`` has the curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.reporting.collect import Bin
from seq2seq_arith.trainer.training.describe import Layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (5.0, 3.4)  # inches: as wide as a phone, so that letters can be read there
# The drawing of a network: layers are rows of a height of 1, of which the box takes BOX.
BOX, LEFT, LANE, MOST_LANES = 0.66, 0.12, 0.014, 6
INCHES = 0.72  # of a row


@drawing.styled
def reliability(bins: Sequence[Bin]) -> "Figure":
    """How often the model is right, by how sure it is; the bars are the share of answers of each bin."""
    figure = drawing.figure(*SIZE)
    axes = figure.add_subplot()
    total = sum(each.share.count for each in bins)
    heights = [0.3 * each.share.count / total for each in bins]
    axes.bar([(each.low + each.high) / 2 for each in bins], heights, width=0.08, color=drawing.LIGHT["edge"])
    axes.plot([0, 1], [0, 1], ":", color=drawing.LIGHT["edge"])
    points = [(each.confidence, each.share.exact_match or 0.0) for each in bins]
    axes.plot(*zip(*points, strict=True), **drawing.look(0, 1))
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="confidence of the model", ylabel="share of right answers")
    axes.grid()
    return figure


@drawing.styled
def network(layers: Sequence[Layer]) -> "Figure":
    """The layers below each other, from the input; connections that pass by a layer run to the left of the boxes."""
    from matplotlib.patches import Rectangle

    figure = drawing.figure(SIZE[0], INCHES * len(layers))
    axes = figure.add_subplot()
    rows = {layer.name: row for row, layer in enumerate(layers)}
    for row, layer in enumerate(layers):
        edge = drawing.LIGHT["accent" if layer.weights else "edge"]
        axes.add_patch(Rectangle((LEFT, row), 1 - LEFT, BOX, facecolor=drawing.LIGHT["tint"], edgecolor=edge))
        axes.text(LEFT + 0.02, row + 0.2, layer.kind, weight="bold", va="center")
        axes.text(LEFT + 0.02, row + 0.47, layer.name, va="center")
        axes.text(0.98, row + 0.2, shape_in_words(layer.shape), ha="right", va="center")
        axes.text(0.98, row + 0.47, f"{layer.weights:,} weights" if layer.weights else "", ha="right", va="center")
    links = [(rows[source], row) for row, layer in enumerate(layers) for source in layer.reads]
    skips = sorted((link for link in links if link[1] - link[0] > 1), key=lambda link: link[1] - link[0])
    for start, end in links:
        if end - start == 1:
            _arrow(axes, [(LEFT + 0.1, start + BOX), (LEFT + 0.1, end)])
        else:
            lane = LEFT - 0.03 - LANE * min(skips.index((start, end)), MOST_LANES)
            _arrow(axes, [(LEFT, start + 0.45), (lane, start + 0.45), (lane, end + 0.2), (LEFT, end + 0.2)])
    axes.set(xlim=(0, 1), ylim=(len(layers), -0.1))
    axes.axis("off")
    return figure


def _arrow(axes: Any, points: Sequence[tuple[float, float]]) -> None:
    """A line through points, with a head at its end."""
    colour = drawing.LIGHT["edge"]
    axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.2)
    axes.annotate("", points[-1], points[-2], arrowprops={"arrowstyle": "->", "color": colour})


def shape_in_words(shape: Sequence[int | None]) -> str:
    """The shape of an output.

    >>> shape_in_words((4, None, 64)), shape_in_words(())
    ('4 × ? × 64', '1')
    """
    return " × ".join("?" if size is None else f"{size:,}" for size in shape) or "1"
