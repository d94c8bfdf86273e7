"""Draws the pictures of docs/ that are named.

Each is an SVG, light or dark as the page that shows it, in the style of ``seq2seq_arith/trainer/figures.py``. Nothing
is trained here; ``learning.jsonl`` is the ``samples.jsonl`` of the network with attention of the lesson. The playground
is two screenshots, by Chromium, of the page of the site, which ``make docs`` makes::

    python benchmarks/draw.py slices automaton attention grokking learning playground
"""

import argparse
import html
import itertools
import re
import subprocess
from pathlib import Path

import numpy as np

from seq2seq_arith.arithmetic.columns import DIGITS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.proving.questions import CHARACTERS, PAIRS, question_automaton
from seq2seq_arith.trainer.proving.tables import LatchTagger
from seq2seq_arith.trainer.proving.windowed import SORTED, WindowedTransformer, all_windows
from seq2seq_arith.trainer.runs import checkpoints, samples
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, open_run
from seq2seq_arith.trainer.sweeps import results

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"

# Seed 602 of windowed_transformer.toml, and what its attention sees when it writes a digit.
TRANSFORMER = HERE.parent / "tests/support/windowed_transformer.npz"
SEEN = ("position above", "own position", "position below", "+", "last digit written", "digit before that")

# Two models of subtraction of one architecture: from the legend to runs in results.jsonl, a colour and a mark. Those of
# the recipe saw as many pairs before its first proof, but 23 times as many different ones, and then trained for rounds.
SERIES = {
    "random pairs": ("random-subtraction", figures.LIGHT["series1"], "o"),
    "structured pairs and counterexamples": ("best-subtraction", figures.LIGHT["series0"], "D"),
}
SEEDS, SHOWN_BELOW = 3, 0.995  # a kind that every model answers correctly more often is left out
VALIDATION, RANDOM = "validation set", "random"

SYMBOLS = np.array([number for number, pair in enumerate(PAIRS) if set(pair) <= set(DIGITS)])
SUMS = np.array([int(left) + int(right) for left, right in itertools.product(DIGITS, repeat=2)])

MARGIN = 8  # of a picture, in points
EPOCH_SECONDS = 0.25  # five seconds in all, after which the last epoch stays
LEARNING = """
svg { font-size: 13px; fill: var(--ink); } .soft { fill: var(--soft); } .asked, .soft { text-anchor: end; }
.asked, .answer { font: 17px ui-monospace, Menlo, Consolas, monospace; } .right { fill: var(--good); }
.wrong { fill: var(--bad); } .epoch { visibility: hidden; } .epoch:last-child { visibility: visible; }
"""

CHROMIUM = "chromium --headless --no-sandbox --window-size=1100,856 --force-device-scale-factor=1.5 --hide-scrollbars"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*PICTURES, "playground"], help="the pictures to draw")
    names, page = parser.parse_args().names, DOCS.parent / "build/docs/playground.html"
    if "playground" in names and not (page.is_file() and '"subtraction"' in page.read_text(encoding="utf-8")):
        parser.error(f"{page} does not have both networks; run make docs first")
    for name in names:
        if name in PICTURES:
            (DOCS / f"{name}.svg").write_bytes(PICTURES[name]())
            continue
        for file, scheme in (("playground.png", 1), ("playground-dark.png", 0)):
            look = [f"--screenshot={DOCS / file}", f"--blink-settings=preferredColorScheme={scheme}"]
            subprocess.run([*CHROMIUM.split(), "--virtual-time-budget=20000", *look, page], check=True)


def svg_file(inline: str, rules: str = "") -> bytes:
    """A picture as ``figures.inline_svg`` makes it, as a file with a ground of its own and further CSS."""
    begin, size, end = re.split(r'viewBox="0 0 ([^"]+)"', inline, maxsplit=1)
    width, height = (f"{float(side) + 2 * MARGIN:g}" for side in size.split())
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    begin = begin.replace("<svg", f'<svg {names} width="{width}pt" height="{height}pt"')
    style = f"<style>{figures.VARIABLES} text {{ font-family: system-ui, sans-serif; }} {rules}</style>"
    ground = f'<rect x="-{MARGIN}" y="-{MARGIN}" width="100%" height="100%" rx="8" fill="var(--card)"/>'
    end = end.replace("</desc>", f"</desc>{style}{ground}", 1)
    return f'{begin}viewBox="-{MARGIN} -{MARGIN} {width} {height}"{end}\n'.encode()


def scores_of(rows: list[results.Result], group: str) -> dict[str, list[float]]:
    """Exact match with each seed: on the validation set, and of every slice but those of single lengths."""
    chosen = [row for row in rows if row.run == group][:SEEDS]
    suites = [row.by_suite["standard", None] for row in chosen]
    names = [row.slice for row in suites[0].rows if not row.slice.startswith("lengths")]
    slices = {name: [suite[name]["exact_match"] for suite in suites] for name in names}
    return {VALIDATION: [row.exact_match for row in chosen], **slices}


@figures.styled
def slices() -> bytes:
    """A line per set, with a mark per model: validation set, random questions, and where one of them errs."""
    from matplotlib.ticker import PercentFormatter

    rows = results.read(HERE / results.RESULTS)
    scores_by_series = {name: scores_of(rows, group) for name, (group, _, _) in SERIES.items()}
    first, always = scores_by_series[next(iter(SERIES))], [RANDOM, VALIDATION]
    shares = [(name, share) for scores in scores_by_series.values() for name, share in scores.items()]
    failed = {name for name, share in shares if min(share) < SHOWN_BELOW} - {*always}
    names = [*sorted(failed, key=lambda name: (min(first[name]), name)), *always]
    figure = figures.figure(8, 0.32 * len(names) + 0.8)
    axes = figure.add_subplot()
    for series, (_, color, mark) in SERIES.items():
        for number, share in enumerate(zip(*(scores_by_series[series][name] for name in names), strict=True)):
            label = f"trained on {series}" if number == 0 else None
            axes.plot(share, range(len(names)), mark, color=color, markersize=6, alpha=0.8, label=label)
    axes.axhline(len(names) - 2.5, color=figures.LIGHT["ink"], linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.tick_params(length=0, labelsize=10)
    axes.grid()
    axes.spines[:].set_visible(False)
    axes.set_title(f"Subtraction: the share of right answers of each kind, with {SEEDS} seeds", loc="left")
    axes.legend(loc="center left", fontsize=10)
    about = "A mark per network: the share of its right answers to the questions of a kind."
    return svg_file(figures.inline_svg(figure, "Right answers of each kind of question", about))


def behaviour(tables: LatchTagger, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The transitions and outputs of a network with one layer of latches; it has no state before the first pair.

    Returns the state after each pair of digits, int64 [states, 100], and the output at that pair if another pair
    follows, int64 [states, 100, 100].
    """
    cases = tables.cases(question_automaton(task))
    # A window is the row of the latches before, a symbol, and the rows there and after.
    following = {(before, symbol): row_after for before, symbol, row_after, _ in cases.windows.tolist()}
    rows = [-1]
    for row in rows:
        rows += [new for new in dict.fromkeys(following[row, symbol] for symbol in SYMBOLS) if new not in rows]
    after = np.array([[rows.index(following[row, symbol]) for symbol in SYMBOLS] for row in rows])
    row_numbers, states = np.array(rows), np.arange(len(rows))
    parts = np.broadcast_arrays(
        row_numbers[:, None, None], SYMBOLS[:, None], row_numbers[after][:, :, None], row_numbers[after[after]]
    )
    windows = np.stack([part.reshape(-1) for part in parts], axis=1)
    outputs = np.concatenate([logits.argmax(axis=1) for logits in tables.logits(cases, windows)])
    return after, outputs.reshape(len(states), len(SYMBOLS), len(SYMBOLS))


def merged(after: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The class of each state, int64 [states]: classes are split until all states of a class behave alike."""
    classes = np.unique(outputs.reshape(len(after), -1), axis=0, return_inverse=True)[1].reshape(-1)
    while True:
        behaviours = np.column_stack([classes, classes[after]])
        finer = np.unique(behaviours, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == classes.max():
            return classes
        classes = finer


@figures.styled
def automaton() -> bytes:
    """The states of the adder that comes with the package, merged by behaviour, and the sums of its transitions.

    Two states are merged if the network has the same outputs after them, for all following digits (Moore,
    "Gedanken-Experiments on Sequential Machines", 1956). Both numbers continue here; a proof also covers their ends.
    """
    from matplotlib.patches import Circle, FancyArrowPatch

    run = open_run(PRETRAINED_RUNS / "addition")
    after, outputs = behaviour(LatchTagger(checkpoints.load(run.best)[0], run.task.alphabet), run.task)
    classes = merged(after, outputs)
    figure = figures.figure(8, 3.4)
    axes = figure.add_subplot(aspect="equal", xlim=(-4.6, 4.6), ylim=(-1.7, 1.7))
    axes.set_axis_off()
    start = int(classes[0])
    for number, name, side in ((start, "no carry", -1), (1 - start, "carry", 1)):
        color, states = figures.COLOURS[max(side, 0)], np.flatnonzero(classes == number)
        axes.add_patch(Circle((1.9 * side, 0), 1, facecolor=figures.LIGHT["tint"], edgecolor=color, linewidth=1.5))
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
    axes.set_title("The states of the adder; at each arrow the sum of the two digits that are read", loc="center")
    without = np.count_nonzero(classes == start)
    about = f"{without} states mean no carry, {len(classes) - without} a carry; the sum of two digits leads on."
    return svg_file(figures.inline_svg(figure, "The states of an adder", about))


def attention_shares(network: WindowedTransformer, rows: np.ndarray) -> np.ndarray:
    """The mean attention of each head to ``SEEN`` at some windows with three pairs, float64 [heads, seen]."""
    before, last, *pairs = rows.T
    question, weights = len(network.alphabet), network.weights[last]  # [windows, kinds, keys, heads]
    windows, plus = np.arange(len(rows)), network.alphabet.index("+")
    digits = np.array([network.alphabet.index(character) for character in CHARACTERS])[np.array(SORTED)]
    blank = network.alphabet.index(" ")
    below, same, above = (
        sum((weights[windows, kind, keys] * (keys != blank)[:, None] for keys in digits[pair].T), np.zeros(()))
        for kind, pair in enumerate(pairs)
    )
    written = weights[windows, 1, question + last], weights[windows, 0, question + before]
    parts = np.stack([above, same, below, weights[windows, 3, plus], *written])
    return (parts / parts.sum(axis=0)).mean(axis=1).T


@figures.styled
def attention() -> bytes:
    """Where the heads of the transformer with an attention window look: a panel per head, means over all windows."""
    from matplotlib.ticker import PercentFormatter

    alphabet = f"{Task('addition').alphabet}$"  # the last character is the EOS token
    network = WindowedTransformer(dict(np.load(TRANSFORMER)), alphabet)
    parts = [windows.rows[::100] for windows in all_windows(question_automaton(Task("addition")), alphabet)]
    rows = np.concatenate(parts[1:])  # without the first step, before which nothing was written
    figure = figures.figure(8, 2.6)
    panels = figure.subplots(1, network.heads, sharex=True, sharey=True)
    panels[0].invert_yaxis()
    for head, (axes, shares) in enumerate(zip(panels, attention_shares(network, rows), strict=True)):
        axes.barh(range(len(SEEN)), shares, color=figures.COLOURS[0])
        axes.set(title=f"head {head}", xlim=(0, 1))
        axes.set_yticks(range(len(SEEN)), SEEN)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    about = "A panel per head: the mean share of the attention that each digit in the window gets."
    return svg_file(figures.inline_svg(figure, "Where the heads of a transformer look", about))


@figures.styled
def grokking() -> bytes:
    """Exact match over steps, in training and on the validation set: a panel per weight decay."""
    rows = [row for row in results.read(HERE / results.RESULTS) if row.run.startswith("grokking")]
    figure = figures.figure(8, 2.8)
    for axes, decay in zip(figure.subplots(1, 3, sharex=True, sharey=True), (0, 0.1, 1), strict=True):
        for row in [row for row in rows if row.settings["weight_decay"] == decay]:
            kept = np.unique(np.geomspace(1, len(row.curve), 40).astype(int)) - 1
            steps, *shares = np.array(row.curve)[kept].T
            for share, line, color in zip(shares, ("--", "-"), figures.COLOURS[1::-1], strict=True):
                axes.plot(steps, share, line, color=color, linewidth=1, alpha=0.7)
        axes.set(xscale="log", title=f"weight decay {decay:g}", xlabel="steps", ylabel="exact match")
        axes.set_xticks([100, 1_000, 10_000], ["100", "1,000", "10,000"])
        axes.label_outer()
    figure.axes[2].legend(figure.axes[2].lines[:2], ["training", VALIDATION], loc="lower right", fontsize=10)
    about = "Two lines per network: the share of right answers to training questions, and to others, along the steps."
    return svg_file(figures.inline_svg(figure, "Grokking", about))


def learning(source: Path = HERE / "learning.jsonl") -> bytes:
    """The answers of a run to its ten questions, epoch after epoch; the last one stays, alone with reduced motion."""
    epochs = samples.read_jsonl(source)
    last, rows = len(epochs), -(-len(epochs[0].samples) // 2)  # in two columns
    positions = [(150 + 280 * column, 80 + 28 * row) for column in (0, 1) for row in range(rows)]
    questions = zip(epochs[0].samples, positions, strict=False)
    drawn = [
        f'<text class="asked" x="{x}" y="{y}">{html.escape(sample.question)} =</text>' for sample, (x, y) in questions
    ]
    rules = [LEARNING]
    for number, epoch in enumerate(epochs):
        begin, end = (f"{100 * position / last:.4g}% {{ visibility:" for position in (number, number + 1))
        gone = f"{end} hidden; }} " if number + 1 < last else ""
        rules.append(f"@keyframes e{number} {{ 0% {{ visibility: hidden; }} {begin} visible; }} {gone}}}")
        right = sum(sample.right for sample in epoch.samples)
        lines = [f'<text x="24" y="36">epoch {epoch.epoch} of {epochs[-1].epoch}</text>']
        lines += [f'<text class="soft" x="552" y="36">{right} of {len(epoch.samples)} right</text>']
        lines += [f'<rect x="24" y="45" width="{528 * (number + 1) / last:.4g}" height="3" fill="var(--accent)"/>']
        for sample, (x, y) in zip(epoch.samples, positions, strict=False):
            look, written = ("right", "✓") if sample.right else ("wrong", "✗"), html.escape(sample.prediction)
            lines.append(f'<text class="answer {look[0]}" x="{x + 10}" y="{y}">{written} {look[1]}</text>')
        drawn.append(f'<g class="epoch" style="animation-name: e{number}">{"".join(lines)}</g>')
    moves = f"animation: {EPOCH_SECONDS * last:g}s step-end both"
    rules.append(f"@media (prefers-reduced-motion: no-preference) {{ .epoch {{ {moves}; }} }}")
    title = "<title>A network learns to add</title><desc>Its answers to ten questions after each epoch.</desc>"
    size = f'role="img" viewBox="0 0 576 {66 + 28 * rows}"'
    return svg_file(f"<svg {size}>{title}{''.join(drawn)}</svg>", " ".join(rules))


PICTURES = {
    "slices": slices,
    "automaton": automaton,
    "attention": attention,
    "grokking": grokking,
    "learning": learning,
}

if __name__ == "__main__":
    main()
