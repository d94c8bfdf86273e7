"""Draws docs/automaton.png: the states of the adder that comes with the package, merged by behaviour.

Two states are merged if the network writes the same after them, whatever digits follow (Moore, "Gedanken-Experiments on
Sequential Machines", 1956). Both numbers go on here; a proof also follows how each of them ends::

    python benchmarks/draw_automaton.py
"""

import argparse
import itertools
from pathlib import Path

import numpy as np

from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.proving.questions import DIGITS, QUESTIONS, pairs
from seq2seq_arith.trainer.proving.tables import Tables
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import SHIPPED_RUNS, open_run
from seq2seq_arith.trainer.training import proof

TARGET = Path(__file__).parent.parent / "docs" / "automaton.png"
SYMBOLS = np.array([number for number, pair in enumerate(pairs()) if set(pair) <= set(DIGITS)])
SUMS = np.array([int(left) + int(right) for left, right in itertools.product(DIGITS, repeat=2)])


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    run = open_run(SHIPPED_RUNS / "addition")
    weights, _ = checkpoints.load(run.best)
    after, written = behaviour(proof.tables_of(run, weights), run.task.alphabet)
    draw(after, merged(after, written))


def behaviour(tables: Tables, alphabet: str) -> tuple[np.ndarray, np.ndarray]:
    """What a network of one layer of latches does between pairs of digits; it has no state before the first.

    Returns:
      The state after each pair, int64 [states, 100], and what is written at that pair if another one follows, int64
      [states, 100, 100].
    """
    cases = tables.cases(QUESTIONS["addition"](alphabet))
    # A window is the row of the latches before, a symbol, and the rows there and after.
    following = {(before, symbol): here for before, symbol, here, _ in cases.windows.tolist()}
    rows = [-1]
    for row in rows:
        rows += [new for new in dict.fromkeys(following[row, symbol] for symbol in SYMBOLS) if new not in rows]
    after = np.array([[rows.index(following[row, symbol]) for symbol in SYMBOLS] for row in rows])
    known, states = np.array(rows), np.arange(len(rows))
    parts = np.broadcast_arrays(known[:, None, None], SYMBOLS[:, None], known[after][:, :, None], known[after[after]])
    asked = np.stack([part.reshape(-1) for part in parts], axis=1)
    written = np.concatenate([logits.argmax(axis=1) for logits in tables.logits(cases, asked)])
    return after, written.reshape(len(states), len(SYMBOLS), len(SYMBOLS))


def merged(after: np.ndarray, written: np.ndarray) -> np.ndarray:
    """The class of each state, int64 [states]: classes are split until all states of one do the same."""
    classes = np.unique(written.reshape(len(after), -1), axis=0, return_inverse=True)[1].reshape(-1)
    while True:
        both = np.column_stack([classes, classes[after]])
        finer = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == classes.max():
            return classes
        classes = finer


@drawing.styled
def draw(after: np.ndarray, classes: np.ndarray) -> None:
    """Draws a circle for each of two classes, with a dot for each of its states, and the sums that lead on."""
    from matplotlib.patches import Circle, FancyArrowPatch

    figure = drawing.figure(8, 3.4)
    axes = figure.add_subplot(aspect="equal", xlim=(-4.6, 4.6), ylim=(-1.7, 1.7))
    axes.set_axis_off()
    start = int(classes[0])
    for number, name, side in ((start, "no carry", -1), (1 - start, "carry", 1)):
        color, states = drawing.COLOURS[max(side, 0)], np.flatnonzero(classes == number)
        axes.add_patch(Circle((1.9 * side, 0), 1, facecolor=drawing.LIGHT["tint"], edgecolor=color, linewidth=1.5))
        # As the seeds of a sunflower.
        radius, angle = 0.85 * np.sqrt((np.arange(len(states)) + 0.5) / len(states)), 2.4 * np.arange(len(states))
        axes.plot(1.9 * side + radius * np.cos(angle), radius * np.sin(angle), "o", color=color, markersize=4)
        axes.text(1.9 * side, -1.4, f"{name}: {len(states)} states", ha="center", fontsize=11)
        # Each arrow is that of the left circle, turned by half a turn for the right one.
        across = ((-1.15, 0.72), (1.15, 0.72), -0.3, (0, 1.3))
        back = ((-2.65, 0.7), (-2.65, -0.7), 1.6, (-4.15, 0))
        for other, (begin, end, bend, at) in ((1 - number, across), (number, back)):
            (x, y), *ends = (tuple(-side * np.array(point)) for point in (at, begin, end))
            sums = SUMS[(classes[after[states]] == other).any(axis=0)]
            look = {"connectionstyle": f"arc3,rad={bend}", "arrowstyle": "-|>", "mutation_scale": 14, "linewidth": 1.3}
            axes.add_patch(FancyArrowPatch(*ends, color=color, **look))
            axes.text(x, y, f"{sums.min()} to {sums.max()}", ha="center", va="center", fontsize=10)
    axes.set_title("What the states do that two digits lead to; at the arrows the sum of the digits", loc="center")
    TARGET.write_bytes(drawing.image(figure))


if __name__ == "__main__":
    main()
