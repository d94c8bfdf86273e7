"""Figures of the report, notebooks, ``arith-model plot`` and the documentation: one palette, in light and dark.

A picture is a matplotlib figure, which ``figure`` creates and a function with the decorator ``styled`` draws. ``image``
saves it in light colours. ``inline_svg`` converts it to a part of an HTML page whose colours are CSS variables, so that
the same picture is light or dark. matplotlib is imported when the first picture is drawn. No figure depends on hue
alone.
"""

import base64
import dataclasses
import functools
import html
import io
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.files import expanded, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# From the name of a colour to the colour on a light page, and on a dark one. Text and lines have enough contrast on the
# page and on a card: tests/trainer/test_figures.py has the pairs.
PALETTE = {
    "page": ("#f7f7f5", "#131619"),
    "card": ("#ffffff", "#1b1f23"),
    "ink": ("#1c2127", "#e9ebed"),
    "soft": ("#565e68", "#a6aeb7"),
    "line": ("#dfe1e3", "#30363c"),
    "edge": ("#868d95", "#7c858f"),
    "accent": ("#0a5aa8", "#7cb7f2"),
    "tint": ("#edf2f8", "#212a34"),
    "good": ("#186a3b", "#74c797"),
    "bad": ("#a3260f", "#ff9d85"),
    "badtint": ("#fdeae4", "#3b221c"),
    "heat": ("#f4bb78", "#6c5020"),
    "series0": ("#0a5aa8", "#6db0f2"),
    "series1": ("#b04500", "#f29a5c"),
    "series2": ("#1b7a4b", "#66c592"),
    "series3": ("#8c3a8c", "#d795d7"),
    "series4": ("#50555c", "#b4bbc3"),
    "series5": ("#7a5b00", "#d6b34a"),
}
LIGHT, DARK = ({name: pair[theme] for name, pair in PALETTE.items()} for theme in (0, 1))
# The palette as variables of a page or of an SVG. An image in a page follows the colour scheme of its element.
_SETS = [":root {" + "".join(f" --{name}: {theme[name]};" for name in PALETTE) + " }" for theme in (LIGHT, DARK)]
VARIABLES = f"{_SETS[0]} @media screen and (prefers-color-scheme: dark) {{ {_SETS[1]} }}"
# The numbers of choices differ, so that several series share neither all nor, up to twelve, colour and style.
COLOURS = tuple(LIGHT[name] for name in PALETTE if name.startswith("series"))
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")
MARKED = 12  # points of a line that have a marker

STYLE: Any = {
    "font.size": 9,
    "text.parse_math": False,  # a dollar in the name of a run is a dollar
    "axes.titlesize": 10,
    "text.color": LIGHT["ink"],
    "axes.labelcolor": LIGHT["soft"],
    "axes.edgecolor": LIGHT["edge"],
    "axes.facecolor": LIGHT["card"],
    "figure.facecolor": LIGHT["card"],
    "xtick.color": LIGHT["soft"],
    "ytick.color": LIGHT["soft"],
    "grid.color": LIGHT["line"],
    "legend.framealpha": 0.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
FORMATS = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 120
NOTEBOOK_DOTS = 150  # per inch: a screen of high resolution shows all of them
PIXELS_PER_INCH = 90  # of a notebook's page

MAX_LABELS = 60  # longer axes are not labelled step by step
MAX_LARGE = 25  # longer axes have small labels
LONGEST_LABEL = 4  # of a column; longer ones are turned
MAX_COLUMNS = 4
TITLE_CHARACTERS = 9  # per inch, of the title of a map, which has a colour bar beside it


def styled(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a drawing function in the style of all pictures; it raises InputError if matplotlib is not installed."""

    @functools.wraps(draw)
    def drawn(*args: Any, **options: Any) -> Any:
        packages.require("a picture", "matplotlib", "train")
        import matplotlib

        with matplotlib.rc_context(STYLE):
            return draw(*args, **options)

    return drawn


def figure(width: float, height: float) -> "Figure":
    """An empty picture, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def look(number: int, points: int) -> dict[str, Any]:
    """Colour, style and markers of the line of series ``number`` with ``points`` points."""
    choices = {"color": COLOURS, "linestyle": STYLES, "marker": MARKERS}
    style = {name: values[number % len(values)] for name, values in choices.items()}
    return style | {"markevery": -(-points // MARKED), "markersize": 5, "linewidth": 1.8}


def check_picture(path: Path) -> None:
    """Raises InputError unless the name of a picture ends in one of ``FORMATS``."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"the picture is {path}; give a file that ends in {', '.join(FORMATS)}")


def image(drawn: "Figure", suffix: str = ".png", dots: int = DOTS_PER_INCH) -> bytes:
    """A picture as a file whose name ends in one of ``FORMATS``, in light colours; the same bytes each time."""
    import matplotlib

    kind = suffix.lower().removeprefix(".")
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "seq2seq_arith"}):
        drawn.savefig(stream, format=kind, dpi=dots, metadata=undated)
    return stream.getvalue()


def inline_svg(drawn: "Figure", title: str, description: str) -> str:
    """A picture as SVG in HTML with ``PALETTE`` as CSS variables; title and description are for screen readers."""
    import matplotlib

    stream = io.StringIO()
    # Another salt for each picture: the names within it are those of the page.
    with matplotlib.rc_context({"svg.hashsalt": title, "svg.fonttype": "none"}):
        drawn.savefig(stream, format="svg", transparent=True)
    dropped = r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>|<!--.*?-->"
    text = re.sub(dropped, "", stream.getvalue(), flags=re.DOTALL)
    used = set(re.findall(r"#([\w.]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", text)
    names = {colour: name for name, colour in LIGHT.items()}
    text = re.sub(r"#[0-9a-f]{6}\b", lambda match: f"var(--{names[match[0]]})" if match[0] in names else match[0], text)
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", re.sub(r" font-family: [^;\"]*;", "", text))
    size = re.search(r'viewBox="[^"]*"', text)
    body = text[text.index(">", text.index("<svg")) + 1 :].strip()
    labels = f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>"
    return f'<svg class="chart" role="img" {size[0] if size else ""}>{labels}{body}'


def label(axis: Any, names: Sequence[Any]) -> None:
    """Labels the ticks 0, 1, … of a matplotlib axis, in small letters if they are many, and none if too many."""
    if len(names) <= MAX_LABELS:
        axis.set_ticks(range(len(names)), list(map(str, names)), fontsize=10 if len(names) <= MAX_LARGE else 7)


@dataclasses.dataclass(frozen=True, eq=False)
class HeatMap:
    """A map of numbers as colours, which are perceptually uniform and readable without hues."""

    title: str
    values: np.ndarray  # [rows, columns], from 0 to 1, unless they are signed
    rows: Sequence[Any]  # the names on the axis
    columns: Sequence[Any]  # likewise
    signed: bool = False  # whether zero is in the middle of the colours
    down: str = ""  # what the rows are
    across: str = ""  # likewise
    meaning: str = ""  # what a high number is, beside the colour bar
    chance: float | None = None  # the number that would be reached by chance, marked on the colour bar

    def draw(self, axes: Any) -> Any:
        """Draws the map on matplotlib axes; returns the image, for its colour bar."""
        most = float(np.abs(self.values).max(initial=0)) or 1.0
        least, most, colours = (-most, most, "PuOr") if self.signed else (0, 1, "cividis")
        drawn = axes.imshow(self.values, aspect="auto", interpolation="nearest", vmin=least, vmax=most, cmap=colours)
        axes.set(title=self.title, xlabel=self.across, ylabel=self.down)
        label(axes.yaxis, self.rows)
        label(axes.xaxis, self.columns)
        if max(map(len, map(str, self.columns))) > LONGEST_LABEL:
            axes.tick_params("x", rotation=90)
        return drawn


@styled
def maps(heat_maps: Sequence[HeatMap]) -> "Figure":
    """A picture of maps, each with a colour bar, large enough for the names on their axes."""
    columns = min(MAX_COLUMNS, len(heat_maps))
    lines = -(-len(heat_maps) // columns)
    most = (max(heat_map.values.shape[axis] for heat_map in heat_maps) for axis in (1, 0))
    width, height = ((min(6.5, max(3.2, 0.2 * count + 1.6)) if count <= MAX_LABELS else 5.0) for count in most)
    drawn = figure(width * columns, height * lines)
    for number, heat_map in enumerate(heat_maps, 1):
        axes = drawn.add_subplot(lines, columns, number)
        chance = "" if heat_map.chance is None else f" (red line: chance, {heat_map.chance:.2f})"
        bar = drawn.colorbar(heat_map.draw(axes), ax=axes, label=heat_map.meaning + chance)
        axes.set_title(textwrap.fill(axes.get_title(), round(TITLE_CHARACTERS * width)))  # the next map begins there
        if heat_map.chance is not None:
            bar.ax.axhline(heat_map.chance, color=LIGHT["bad"], linewidth=2)
    return drawn


class Picture:
    """A picture that a notebook shows: matplotlib's ``figure``, and a ``description`` for screen readers."""

    def __init__(self, figure: "Figure", description: str) -> None:
        self.figure = figure
        self.description = description

    def save(self, path: str | Path) -> Path:
        """Writes the picture into a file that ends in ``.png``, ``.svg`` or ``.pdf``; returns its path.

        Raises InputError if the file has another suffix; WriteError if the file cannot be written.
        """
        file = expanded(path)
        check_picture(file)
        try:
            write_atomically(file, image(self.figure, file.suffix, NOTEBOOK_DOTS))
        except OSError as error:
            raise WriteError(file, error.strerror or str(error)) from error
        return file

    def __repr__(self) -> str:
        return self.description

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width = round(self.figure.get_figwidth() * PIXELS_PER_INCH)
        return image(self.figure, dots=NOTEBOOK_DOTS), {"width": width}

    def _repr_html_(self) -> str:
        content, size = self._repr_png_()
        about = html.escape(self.description, quote=True)
        style = f"width: {size['width']}px; max-width: 100%; height: auto"
        return f'<img alt="{about}" style="{style}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
