"""Charts as numbers: where lines, marks and labels stand in a picture of fixed size, which a template draws as SVG.

A picture is as wide as a phone, so that its letters can be read there, and grows a little on wider screens.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

from seq2seq_arith.trainer.training.describe import Layer

WIDTH, HEIGHT = 360, 232
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 24, 34
MARKED = 12  # points of a line that have a marker
SMALLEST = 1e-7  # a loss of zero has no place on a logarithmic axis
# Told apart by more than colour: the marker and the dashes.
MARKERS = ("circle", "square", "triangle", "diamond", "plus", "cross")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 3", "1 4")

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Tick:
    """A label of an axis, and where it stands."""

    place: float
    label: str


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
      label: Of the legend.
      series: Its colour, marker and dashes.
      path: For SVG.
      markers: The points that have a marker.
      soft: Whether it is drawn behind the others, and thinner.
      best: The point of the best epoch, which has a ring; None if there is none.
    """

    label: str
    series: int
    path: str
    markers: tuple[Point, ...]
    soft: bool
    best: Point | None = None

    @property
    def marker(self) -> str:
        return MARKERS[self.series % len(MARKERS)]

    @property
    def dashes(self) -> str:
        return DASHES[self.series % len(DASHES)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart with lines.

    Attributes:
      x_label, y_label: The names of the axes.
      x_ticks, y_ticks: Their labels.
      lines: The lines.
      marks: Places along x that have a line and a label of their own, such as the best epoch.
      diagonal: Whether the line from corner to corner is drawn.
      bars: For a bar at the foot: x, width and height.
    """

    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    marks: tuple[Tick, ...] = ()
    diagonal: bool = False
    bars: tuple[tuple[float, float, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Scale:
    """From values to places: linear, or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value.

        >>> Scale(0, 10, 100, 200)(5), Scale(0.01, 1, 0, 100, is_log=True)(0.1)
        (150.0, 50.0)
        """
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        share = 0.5 if high == low else (value - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 2)


def x_scale(low: float, high: float) -> Scale:
    """Across the picture."""
    return Scale(low, high, LEFT, WIDTH - RIGHT)


def y_scale(low: float, high: float, is_log: bool = False) -> Scale:
    """Up the picture."""
    return Scale(low, high, HEIGHT - BOTTOM, TOP, is_log)


def line(label: str, series: int, points: Sequence[Point], *, soft: bool = False, best: Point | None = None) -> Line:
    """A line through points of the picture."""
    path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
    every = -(-len(points) // MARKED)
    return Line(label, series, path, () if soft else tuple(points[::-1][::every]), soft, best)


def losses(runs: Mapping[str, Sequence[Mapping[str, float]]], best: Mapping[str, int]) -> Chart:
    """The loss on the validation set along the epochs; of a single run, also that on the training set.

    Args:
      runs: The rows of the history of each run.
      best: The best epoch of each run.
    """
    values = [max(row[name], SMALLEST) for rows in runs.values() for row in rows for name in ("loss", "val_loss")]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    scale = y_scale(low, high if high > low else 10 * low, is_log=True)
    powers = range(round(math.log10(low)), round(math.log10(scale.high)) + 1)
    ticks = [Tick(scale(10.0**power), f"{10.0**power:g}") for power in powers[:: -(-len(powers) // 7)]]
    return _curves(runs, best, scale, ticks, "loss", "nats per character, less is better")


def exact_matches(runs: Mapping[str, Sequence[Mapping[str, float]]], best: Mapping[str, int]) -> Chart:
    """As ``losses``, the share of answers that are right as a whole."""
    scale = y_scale(0.0, 1.0)
    return _curves(runs, best, scale, share_ticks(scale), "exact_match", "share of answers that are right")


def share_ticks(scale: Scale) -> list[Tick]:
    """The labels of an axis from 0 to 1."""
    return [Tick(scale(value / 4), f"{value / 4:g}") for value in range(5)]


def _curves(
    runs: Mapping[str, Sequence[Mapping[str, float]]],
    best: Mapping[str, int],
    scale: Scale,
    ticks: Sequence[Tick],
    column: str,
    y_label: str,
) -> Chart:
    last = max(int(row["epoch"]) for rows in runs.values() for row in rows)
    first = min(int(row["epoch"]) for rows in runs.values() for row in rows)
    x = x_scale(first, last)
    is_single = len(runs) == 1
    lines = []
    for number, (label, rows) in enumerate(runs.items()):
        points = [(x(row["epoch"]), scale(row[f"val_{column}"])) for row in rows]
        ring = next(point for point, row in zip(points, rows, strict=True) if row["epoch"] == best[label])
        lines.append(line("validation set" if is_single else label, number, points, best=ring))
        if is_single:
            points = [(x(row["epoch"]), scale(row[column])) for row in rows]
            lines.append(line("training set", 1, points, soft=True))
    return Chart(
        x_label="epoch",
        y_label=y_label,
        x_ticks=tuple(Tick(x(epoch), str(epoch)) for epoch in whole_ticks(first, last)),
        y_ticks=tuple(ticks),
        lines=tuple(lines),
        marks=tuple(Tick(x(epoch), "best") for epoch in best.values() if is_single),
    )


def whole_ticks(first: int, last: int, most: int = 6) -> list[int]:
    """Whole numbers to label an axis: the first, and round steps after it.

    >>> whole_ticks(1, 6), whole_ticks(1, 50), whole_ticks(3, 3)
    ([1, 2, 3, 4, 5, 6], [1, 10, 20, 30, 40, 50], [3])
    """
    steps = (base * 10**power for power in itertools.count() for base in (1, 2, 5))
    step = next(step for step in steps if (last - first) / step < most)
    return sorted({first, *range(-(-(first + 1) // step) * step if step > 1 else first, last + 1, step)})


def reliability(bins: Sequence) -> Chart:
    """How often the model is right, by how sure it is; the bars at the foot are the share of answers of each bin.

    Args:
      bins: As ``collect.by_confidence`` gives them.
    """
    x, y = x_scale(0.0, 1.0), y_scale(0.0, 1.0)
    total = sum(each.share.count for each in bins)
    points = [(x(each.confidence), y(each.share.exact_match or 0.0)) for each in bins]
    foot = (HEIGHT - BOTTOM - TOP) * 0.3
    bars = [(x(each.low) + 1, x(each.high) - x(each.low) - 2, foot * each.share.count / total) for each in bins]
    drawn = line("right", 0, points)
    return Chart(
        x_label="confidence of the model",
        y_label="share of answers that are right",
        x_ticks=tuple(Tick(x(value / 4), f"{value / 4:g}") for value in range(5)),
        y_ticks=tuple(share_ticks(y)),
        lines=(dataclasses.replace(drawn, markers=tuple(points)),),
        diagonal=True,
        bars=tuple((round(left, 2), round(width, 2), round(max(height, 0.6), 2)) for left, width, height in bars),
    )


BOX_HEIGHT, GAP, MARGIN = 40, 14, 8
MOST_SKIPS = 6  # lanes beside the boxes for connections that pass by layers
LANE = 9


@dataclasses.dataclass(frozen=True)
class Box:
    """A layer in the drawing of a network: its top edge, and its texts."""

    top: float
    kind: str
    name: str
    shape: str
    weights: str


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The drawing of a network, from its input at the top to its output.

    Attributes:
      height: Of the picture.
      left: Of the boxes.
      boxes: The layers.
      arrows: Paths between them.
    """

    height: float
    left: float
    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]


def network(layers: Sequence[Layer]) -> Drawing:
    """Draws the layers of a network below each other; connections that pass by a layer run beside the boxes."""
    place = {layer.name: number for number, layer in enumerate(layers)}
    links = [(place[source], number) for number, layer in enumerate(layers) for source in layer.reads]
    lanes = _lanes([(start, end) for start, end in links if end - start > 1])
    left = MARGIN + LANE * (max(lanes.values(), default=-1) + 1) + (6 if lanes else 0)
    tops = [MARGIN + number * (BOX_HEIGHT + GAP) for number in range(len(layers))]
    arrows = []
    for start, end in links:
        if end - start == 1:
            middle = left + 26
            arrows.append(f"M{middle} {tops[start] + BOX_HEIGHT} V{tops[end]} m-4 -5 l4 5 l4 -5")
        else:
            lane = left - 8 - LANE * lanes[start, end]
            from_y, to_y = tops[start] + BOX_HEIGHT * 0.72, tops[end] + BOX_HEIGHT * 0.35
            arrows.append(f"M{left} {from_y:g} H{lane + 4} Q{lane} {from_y:g} {lane} {from_y + 4:g} "
                          f"V{to_y - 4:g} Q{lane} {to_y:g} {lane + 4} {to_y:g} H{left} m-5 -4 l5 4 l-5 4")  # fmt: skip
    boxes = [
        Box(top, layer.kind, layer.name, shape_in_words(layer.shape), f"{layer.weights:,}" if layer.weights else "")
        for top, layer in zip(tops, layers, strict=True)
    ]
    return Drawing(tops[-1] + BOX_HEIGHT + MARGIN, left, tuple(boxes), tuple(arrows))


def shape_in_words(shape: Sequence[int | None]) -> str:
    """The shape of an output.

    >>> shape_in_words((4, None, 64)), shape_in_words(())
    ('4 × ? × 64', '1')
    """
    return " × ".join("?" if size is None else f"{size:,}" for size in shape) or "1"


def _lanes(links: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """A lane for each connection, so that those that pass by the same layer do not run over each other."""
    taken: list[list[tuple[int, int]]] = []
    found = {}
    for start, end in sorted(set(links), key=lambda link: link[1] - link[0]):
        free = (
            number
            for number, lane in enumerate(taken)
            if all(end <= other_start or other_end <= start for other_start, other_end in lane)
        )
        number = next(free, min(len(taken), MOST_SKIPS - 1))
        if number == len(taken):
            taken.append([])
        taken[number].append((start, end))
        found[start, end] = number
    return found
