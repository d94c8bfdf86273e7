"""Pictures in a notebook: each shows itself at the end of a cell, and can be saved. Nothing here needs TensorFlow."""

from collections.abc import Sequence

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.figures import MAX_LABELS, HeatMap, Picture

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

    Rows and columns begin with the ``smallest`` operand; the ``unit`` is what operands count, empty for numbers.
    """
    from matplotlib.colors import ListedColormap

    count, total = int(np.count_nonzero(wrong)), wrong.size
    figure = figures.figure(4.4, 4.2)
    axes = figure.add_subplot()
    edge = smallest - 0.5
    extent = (edge, edge + wrong.shape[1], edge, edge + wrong.shape[0])
    colours = ListedColormap(RIGHT_WRONG)
    axes.imshow(wrong, origin="lower", extent=extent, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    counted = f", in {unit}" if unit else ""
    axes.set(xlabel=f"right operand{counted}", ylabel=f"left operand{counted}")
    axes.set_title(f"left{symbol}right: dark is wrong ({count:,} of {total:,})")
    sentence = f"{wrong.shape[0]} x {wrong.shape[1]} questions: {count:,} of {total:,} answers are wrong."
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
    axes.set(xlabel="steps: the question, and right of the line its answer", title=title)
    axes.grid()
    figure.legend(loc="outside right upper", handlelength=4)
    return Picture(figure, sentence)
