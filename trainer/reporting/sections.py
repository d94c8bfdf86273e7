"""The sections of a report: sentences, tables, and pictures beside tables of the same figures, for one template."""

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from seq2seq_arith.arithmetic.scoring import Share, SliceScore, kind
from seq2seq_arith.arithmetic.suites import SETS, STANDARD, UNFORESEEN
from seq2seq_arith.base.tables import abridged, cut
from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.asking.evaluation import size_in_words
from seq2seq_arith.trainer.asking.suites import no_suite
from seq2seq_arith.trainer.data import making
from seq2seq_arith.trainer.demo import facts
from seq2seq_arith.trainer.reporting import collect
from seq2seq_arith.trainer.reporting.collect import RunReport, SetAnswers
from seq2seq_arith.trainer.reporting.errors import Piece, in_words, marked
from seq2seq_arith.trainer.runs import evaluated, history, proofs
from seq2seq_arith.trainer.training import describe

EPOCHS_SHOWN = 8  # of the answers through the epochs
CURVES_SIZE = (5.0, 3.4)  # inches: as wide as a phone, so that letters can be read there
TABLE_EPOCHS = 24  # of the tables beside the curves


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


Block = Table | Text | Picture | Sequence[tuple[str, str, str]]  # the last: names, figures, and sentences about them

EMPTY = Heat("·", "", None)


def sections(runs: Sequence[RunReport]) -> dict[str, tuple[Sequence[Block], list[tuple[str, list[Block]]]]]:
    """All that the page shows: from a section to its blocks about all runs, and to the label and blocks of each run."""
    shared = {"overview": [compared(runs)], "curves": curves(runs), "slices": slices_of_all(runs)}
    return {
        name: (shared.get(name, []), [(each.label, part(each)) for each in runs])
        for name, part in {
            "overview": overview,
            "model": network,
            "curves": epochs_table,
            "epochs": samples,
            "seen": _if_asked(seen),
            "slices": slices,
            "further": further,
            "confusion": _if_asked(confusion),
            "mistakes": _if_asked(mistakes),
            "training": training,
            "data": data,
        }.items()
    }


def _if_asked(part: Callable[[RunReport, SetAnswers], list[Block]]) -> Callable[[RunReport], list[Block]]:
    """A part that needs the run's dataset; without it, a sentence."""
    missing = "The dataset of this run was not asked"
    return lambda each: part(each, each.sets) if each.sets else [Text(f"{missing}: {'; '.join(each.notes)}.")]


def overview(each: RunReport) -> list[Block]:
    """The score that says most, the worst slice, and what was given: none of them stands without the others."""
    if each.sets:  # the last set that was asked is the one that decided least
        top = each.sets.sets[-1]
        figure = cut(top.share.right / top.share.questions, 4)
        note = f"{top.share.right:,} of {top.share.questions:,} answers of the "
        note += f"{top.name} are right as a whole ({top.meaning})."
    else:
        figure, note = cut(each.best["val_exact_match"], 4), "On the validation set, in the best epoch."
    tiles = [("exact match", figure, note)]
    for set in SETS:
        name = f"worst {kind(set)}slice"
        if worst := each.own(set).worst():
            note = f"{worst.right:,} of {worst.questions:,} questions of the slice {worst.slice} are right."
            note += f" {worst.mistake.sentence()}." if worst.mistake else " No slice is worse."
            tiles.append((name, str(worst), note))
        else:
            tiles.append((name, "–", f"This task has no {kind(set) or 'suite of hard '}questions."))
    if proof := proofs.read(each.run):
        tiles.append(("proved", proof.in_brief(), f"{str(proof)[0].upper()}{str(proof)[1:]}."))
    view = each.run.config.model.view
    tiles.append(("given to the model", each.run.config.model.given, f"Its view is {view}."))
    return [tiles, *([Text("; ".join(each.notes) + ".")] if each.notes else [])]


def compared(runs: Sequence[RunReport]) -> Table:
    """What each run was trained on and given, what it reached, and what that took."""
    columns = []
    for each in runs:
        model = each.run.config.model
        column = {
            "model": f"{model.name}, view {model.view}",
            "trained on": each.task.config_name,
            "given": model.given,
            "exact match, validation set": cut(each.best["val_exact_match"], 4),
            "worst slice": each.own(STANDARD).in_brief(),
            "worst unforeseen slice": each.own(UNFORESEEN).in_brief(),
            "epochs": f"{len(each.history)}, best {each.best['epoch']}",
        }
        took = facts(each.summary) if each.summary else {}
        columns.append(column | {name: value for name, value in took.items() if name not in ("exact match", "given")})
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[name, *(column.get(name, "not known: not finished") for column in columns)] for name in names]
    return Table("What was trained, what it reached, and what it took", _head("", runs), rows, "wide facts")


def network(each: RunReport) -> list[Block]:
    rows = [
        (layer.name, layer.kind, Code(layer.shape), layer.weights, ", ".join(layer.reads) or "the question")
        for layer in each.layers
    ]
    caption = f"Layers: {sum(layer.weights for layer in each.layers):,} weights"
    head = ["layer", "kind", "output", "weights", "reads"]
    facts_table = Table("What it is, and what it is given", ["", ""], list(each.facts.items()), "facts")
    return [facts_table, Table(caption, head, rows, "wide")]


def curves(runs: Sequence[RunReport]) -> list[Block]:
    rows = {each.label: each.history for each in runs}
    below = "The table below has the figures."
    return [
        Picture(title, drawing.inline_svg(history.curves(rows, (column,), CURVES_SIZE), title, f"{what} {below}"))
        for title, column, what in (
            ("Exact match along the epochs", "exact_match", "Share of answers that are right as a whole."),
            ("Loss along the epochs", "loss", "Mean cross-entropy per character, on a logarithmic axis."),
        )
    ]


def epochs_table(each: RunReport) -> list[Block]:
    """Some rows of the history: evenly spread, the best and the last among them."""
    step = -(-len(each.history) // TABLE_EPOCHS)
    best = each.best["epoch"]
    shown = [row for row in each.history if not (len(each.history) - row["epoch"]) % step or row["epoch"] == best]
    rows = []
    for row in shown:
        epoch = f"{row['epoch']}{' (best)' if row['epoch'] == best else ''}"
        losses, exact = (f"{row['loss']:.4f}", f"{row['val_loss']:.4f}"), (row["exact_match"], row["val_exact_match"])
        rows.append([epoch, *losses, *(cut(each, 4) for each in exact)])
    head = ["epoch", "loss, training", "loss, validation", "exact match, training", "exact match, validation"]
    return [Table("Epochs", head, rows, "wide", f"The curves of {each.label} as a table")]


def shown_epochs(each: RunReport) -> list[int]:
    """Some of the epochs whose answers were recorded, by number: the first, the best, the last, and some between."""
    recorded = [one.epoch for one in each.samples]
    if len(recorded) <= EPOCHS_SHOWN:
        return recorded
    last = len(recorded) - 1
    # Close to each other at first, when most is learned.
    spread = {round(last * (step / (EPOCHS_SHOWN - 2)) ** 2) for step in range(EPOCHS_SHOWN - 1)}
    return sorted({recorded[place] for place in spread} | {each.best["epoch"]} & {*recorded})


def samples(each: RunReport) -> list[Block]:
    if not each.samples:
        return [Text("The answers after each epoch were not recorded.")]
    chosen, best = shown_epochs(each), each.best["epoch"]
    shown = [one for one in each.samples if one.epoch in chosen]
    head = ["question", "right", *(f"epoch {one.epoch}{' (best)' * (one.epoch == best)}" for one in shown)]
    rows: list[list[Any]] = [
        [Code(abridged(asked.question)), Code(abridged(asked.answer))]
        + [answer(each, one.samples[row].answer, one.samples[row].prediction) for one in shown]
        for row, asked in enumerate(shown[0].samples)
    ]
    rows.append(["right", "", *(f"{sum(one.right for one in at.samples)} of {len(at.samples)}" for at in shown)])
    return [Table("Answers after the epochs", head, rows, "wide")]


def answer(each: RunReport, right: str, said: str) -> Answer:
    """A prediction in right and wrong pieces, as the run's task counts places."""
    pieces = marked(right, said, each.task.notation.has_digits)
    return Answer(pieces, in_words(pieces))


def seen(each: RunReport, asked: SetAnswers) -> list[Block]:
    """The scores of the sets; then the groups, as maps by lengths or as tables."""
    rows = [[Named(one.name, one.meaning), one.share, cut(one.characters, 4)] for one in asked.sets]
    found: list[Block] = [Table("Answers to each set", ["set", "exact match", "right characters"], rows)]
    both = ("unseen", "seen") if not each.run.config.stream else ("unseen",)
    for name, groups in asked.tables.items():
        if name == collect.LENGTHS and each.task.operation.arity == 2:
            found += [lengths_map(each, groups, field) for field in both if any(getattr(one, field) for one in groups)]
            continue
        head = [name, *("not seen" if field == "unseen" else field for field in both)]
        rows = [[" × ".join(one.names), *(getattr(one, field) for field in both)] for one in groups]
        found.append(Table(f"Exact match by {name}", head, rows))
    return found


def lengths_map(each: RunReport, groups: Sequence[collect.Group], field: str) -> Table:
    """The groups by the lengths of both operands, as a map."""
    cells = {one.names: getattr(one, field) for one in groups}
    names = sorted({name for one in groups for name in one.names}, key=lambda name: int(name.partition("-")[0]))

    def heat(share: Share | None) -> Heat:
        if share is None or share.exact_match is None:
            return EMPTY
        return Heat(cut(share.exact_match, 2), f"{share.questions:,}", 1 - share.exact_match)

    rows = [[left, *(heat(cells.get((left, right))) for right in names)] for left in names]
    told = "not seen in training" if field == "unseen" else "seen in training"
    caption = f"By {each.task.notation.characters} of the operands, {told}"
    return Table(caption, ["", *names], rows, "heat")


def slices(each: RunReport) -> list[Block]:
    """The slices of the run's own suite, the worst first; pairs of lengths that are not worse are folded away."""
    found: list[Block] = []
    for set in SETS:
        suite = each.own(set)
        if not suite.rows:
            continue
        shown = suite.shown()
        ordered = sorted(suite.rows, key=lambda row: (row.right / row.questions, -row.questions))
        at_once, rest = ([row for row in ordered if (row in shown) == is_shown] for is_shown in (True, False))
        where = f"{size_in_words(each.task, each.task.digits)}, seed {suite.seed}, version {suite.rows[0].version}"
        caption = f"{kind(set)}slices at {where}"
        found.append(_slice_table(at_once, caption[0].upper() + caption[1:]))
        if rest:
            folded = f"{len(rest)} more pairs of lengths, none worse than these"
            found.append(dataclasses.replace(_slice_table(rest, "Pairs of lengths"), folded=folded))
        found.append(Text(f"In all {kind(set)}slices, {'. '.join(suite.facts())}."))
    return [*(found or [Text("This task has no suite of hard questions.")]), *map(_searched, each.searched)]


def _searched(found: evaluated.Searched) -> Block:
    """What a search for wrong questions found at one length."""
    where = f"by arith-model search, of {found['asked']:,} questions at D = {found['digits']:,}"
    if not found["wrong"]:
        return Text(f"No wrong question was found {where}. Others were not asked.")
    rows = [
        [*(Code(abridged(one[name])) for name in ("question", "answer", "prediction")), f"{one['margin']:.4g}"]
        for one in found["wrong"]
    ]
    caption = f"{len(rows):,} of {found['mistakes']:,} wrong questions that were found {where}"
    return Table(caption, ["question", "right answer", "answer of the model", "margin"], rows)


def _slice_table(rows: Sequence[SliceScore], caption: str) -> Table:
    is_split = all(row.seen is not None for row in rows)
    lines = []
    for row in rows:
        shares = [row.not_seen, row.seen_in_training] if is_split else [Share(row.questions, row.right)]
        lines.append([Named(row.slice, row.why), row.mistake.sentence() if row.mistake else "none", *shares])
    head = ["right, not seen", "right, seen"] if is_split else ["right"]
    return Table(caption, ["slice", "first wrong answer", *head], lines, "wide")


def slices_of_all(runs: Sequence[RunReport]) -> list[Block]:
    """Of several runs on the same task and size: each slice with the share of each run, the worst first."""
    if len(runs) < 2 or len({(each.task.name, each.task.digits) for each in runs}) > 1:
        return []
    names = dict.fromkeys(row.slice for each in runs for row in each.own(STANDARD).shown())
    of_runs = [{row.slice: Share(row.questions, row.right) for row in each.own(STANDARD).rows} for each in runs]
    rows = [[name, *(shares.get(name) for shares in of_runs)] for name in names]
    rows.sort(key=lambda row: min(share.exact_match or 0.0 for share in row[1:] if share))
    if not rows:
        return []
    return [Table("Exact match of each run on each slice", _head("slice", runs), rows)]


def further(each: RunReport) -> list[Block]:
    """The suite at each length."""
    task, model, standard = each.task, each.run.config.model, each.scores.of(STANDARD)
    if len(standard.sizes) > 1:
        rows = []
        for suite in standard.suites():
            size, worst = suite.rows[0].size, suite.worst() or suite.rows[0]
            random = next((row for row in suite.rows if row.slice == "random"), suite.rows[0])
            shares = [Share(row.questions, row.right) for row in (random, worst)]
            said = worst.mistake.sentence() if worst.mistake else "none"
            name = worst.slice if worst.wrong else "each"
            head = f"{size_in_words(task, size)}{' (trained)' * (size == task.digits)}"
            rows.append([head, *shares, name, said, each.scores.of(UNFORESEEN, size).in_brief()])
        head = ["operands of at most", "random questions", "worst slice", "name of it", "first wrong answer"]
        return [Table("Exact match at each length", [*head, "worst unforeseen slice"], rows, "wide")]
    if not task.notation.has_lengths or task.digits == task.operation.max_digits:
        return [Text(f"{task.name} does not have longer operands.")]
    if not standard.rows:
        return [Text(f"{no_suite(task)}.")]
    if model.own_code:
        return [Text("No longer questions were asked: a model of your own may not read them.")]
    if not model.any_length:
        return [Text(f"Model {model.name} has weights for each place of the string, and reads no longer questions.")]
    command = Text(f"arith-model report RUN --lengths {min(2 * task.digits, each.run.most_digits)}", True)
    return [Text("No longer questions were asked. This command asks them:"), command]


def confusion(each: RunReport, asked: SetAnswers) -> list[Block]:
    if not asked.wrong:
        return [Text("There is no mistake on the validation set.")]
    found = asked.confusion
    if found is None:
        return [Text("The answers of this task are not numbers, whose places could be compared.")]
    places = [(one.name, one.wrong, one.count, ", ".join(one.swaps) or "none") for one in found.places]
    most = max(found.counts.max(), 10)
    cells = [
        [Code(right), *(Heat(str(count), "", count / most) if count else EMPTY for count in row)]
        for right, row in zip(found.characters, found.counts.tolist(), strict=True)
    ]
    caption = "Wrong characters (columns) for right ones (rows)"
    return [
        Table("Mistakes by place", ["place", "wrong", "of", "most frequent"], places),
        Table(caption, ["", *found.characters], cells, "heat"),
    ]


def mistakes(each: RunReport, asked: SetAnswers) -> list[Block]:
    if not asked.mistakes:
        return [Text("There is none.")]
    rows = [
        [Code(abridged(one.question)), Code(abridged(one.answer)), answer(each, one.answer, one.prediction or "")]
        for one in asked.mistakes
    ]
    caption = f"{len(rows):,} of {asked.wrong:,} mistakes"
    return [Table(caption, ["question", "right answer", "answer of the model"], rows)]


def training(each: RunReport) -> list[Block]:
    rates, last = [row["examples_per_second"] for row in each.history], each.history[-1]
    found = {
        "examples per second": f"{statistics.median(rates):,.0f} (median of {len(rates)} epochs)",
        "seconds": f"{last['seconds']:,.1f}, from the first step to the last, evaluations included",
        "steps": f"{last['steps']:,} of {each.run.config.batch_size:,} examples"
        + " or more" * bool(each.run.config.batch_doublings),
    }
    settings = [[Code(option), value, meaning] for option, value, meaning in describe.settings(each.run.config)]
    return [
        Table("What the training took", ["", ""], list(found.items()), "facts"),
        Table("Settings", ["option", "value", "meaning"], settings, "wide", f"All {len(settings)} settings"),
    ]


def data(each: RunReport) -> list[Block]:
    """The command that makes the dataset anew, and its parameters."""
    parameters = {name: str(value) for name, value in each.task.parameters().items()}
    parameters |= {"training examples": f"{each.task.num_train:,}"}
    parameters |= {"validation examples": f"{each.task.num_validation:,}", "sha256 of its metadata": each.run.sha256}
    return [
        Text(making.command(each.task, "data"), True),
        Table("Parameters of the dataset", ["", ""], list(parameters.items()), "wide facts"),
    ]


def _head(first: str, runs: Sequence[RunReport]) -> list[str]:
    return [first, *(each.label for each in runs)]
