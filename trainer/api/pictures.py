"""Pictures in a notebook: each shows itself at the end of a cell, and can be saved. Nothing here needs TensorFlow."""

from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.figures import MAX_LABELS, HeatMap, Picture

CELLS = 250  # of a map of errors, on each side
RIGHT_WRONG = ("#EEEEEE", "#00224E")  # readable in print and without colour vision


@figures.styled
def one_hot(rows: np.ndarray, question: str, stored: str, alphabet: str) -> Picture:
    """The one-hot rows of a question, float32 [steps, characters]: a row per step, a column per character."""
    figure = figures.figure(0.28 * len(alphabet) + 1.2, min(5.0, 0.26 * len(stored) + 1.0))
    axes = figure.add_subplot()
    across = "characters of the alphabet"
    title, characters = f"{question} as a network reads it", list(text.visible(alphabet))
    HeatMap(title, rows, list(text.visible(stored)), characters, down="steps", across=across).draw(axes)
    if max(rows.shape) <= MAX_LABELS:  # white lines between the cells
        axes.set_xticks(np.arange(1, len(alphabet)) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, len(stored)) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1)
        axes.tick_params(which="minor", length=0)
    return Picture(figure, f"{question} as one-hot rows: {len(stored)} steps, each with a 1 at one of {len(alphabet)}.")


@figures.styled
def errors(wrong: np.ndarray, smallest: int, symbol: str, unit: str) -> Picture:
    """A map of questions, bool [left operands, right operands]: dark where the answer is wrong.

    Rows and columns begin with the ``smallest`` operand; the ``unit`` is what operands count, empty for numbers. Of
    more than ``CELLS`` operands, several share a cell, which is dark if any of its answers is wrong: a single question
    would be too small to see.
    """
    from matplotlib.colors import ListedColormap

    count, total = int(np.count_nonzero(wrong)), wrong.size
    figure = figures.figure(4.4, 4.2)
    axes = figure.add_subplot()
    edge = smallest - 0.5
    colours = ListedColormap(RIGHT_WRONG)
    per_cell = -(-len(wrong) // CELLS)
    padded = np.pad(wrong, [(0, -size % per_cell) for size in wrong.shape])
    rows, columns = (size // per_cell for size in padded.shape)
    cells = padded.reshape(rows, per_cell, columns, per_cell).any(axis=(1, 3))
    extent = (edge, edge + padded.shape[1], edge, edge + padded.shape[0])
    axes.imshow(cells, origin="lower", extent=extent, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    counted = f", in {unit}" if unit else ""
    axes.set(xlabel=f"right operand{counted}", ylabel=f"left operand{counted}")
    form = f"left{symbol}right"
    if not count:
        axes.set_title(f"No answer to {form} is wrong:\n{total:,} questions")
        return Picture(figure, f"An empty map: none of {total:,} answers to {form} is wrong.")
    dark = "dark" if per_cell == 1 else f"a dark cell has a wrong answer among {per_cell} x {per_cell}"
    axes.set_title(f"Wrong answers to {form}: {count:,} of {total:,}" + f"\n({dark})" * (per_cell > 1))
    places = np.argwhere(wrong) + smallest
    bounds = ", ".join(
        f"{side} operands from {low:,} to {high:,}"
        for side, low, high in zip(("left", "right"), places.min(axis=0), places.max(axis=0), strict=True)
    )
    sentence = f"A map of {wrong.shape[0]:,} x {wrong.shape[1]:,} questions: {count:,} of {total:,} answers are wrong"
    sentence += f", which have {bounds}."
    return Picture(figure, sentence)


@figures.styled
def lines(
    values: np.ndarray, names: Sequence[str], steps: Sequence[str], answer: int, title: str, sentence: str
) -> Picture:
    """Lines along the steps of a question and its answer, float [steps, lines]; a vertical one where that begins."""
    figure = figures.figure(7.5, 3.2)
    axes = figure.add_subplot()
    for number, name in enumerate(names):
        axes.plot(values[:, number], label=name, **figures.look(number, len(values)))
    if answer < len(values):
        axes.axvline(answer - 0.5, color=figures.LIGHT["ink"], linewidth=1)
    figures.label(axes.xaxis, steps)
    beside = ", and right of the line its answer" if answer < len(values) else ""
    axes.set(xlabel=f"steps of the question{beside}", title=title)
    axes.grid()
    figure.legend(loc="outside right upper", handlelength=4)
    return Picture(figure, sentence)
