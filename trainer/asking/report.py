"""What an evaluation prints: tables, and at the end the worst slice of the suite."""

from collections.abc import Sequence
from typing import Any

from seq2seq_arith.base.tables import cut, shortened, table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.asking.suites import SliceResult, SuiteResult

# A suite has a slice for each pair of lengths, which may be hundreds: the worst of them are printed.
LENGTHS = "lengths-"
LENGTHS_SHOWN = 5


def show_sets(found: dict[str, Any]) -> None:
    """Prints the scores, the notes, the tables and the first mistakes of what ``evaluate`` saves."""
    rows = [
        [name, f"{s['examples']:,}", f"{s['loss']:.5f}", f"{s['characters']:.5f}", cut(s["exact"], 5)]
        for name, s in found["scores"].items()
    ]
    if rows:
        say(table(["set", "examples", "loss", "character accuracy", "exact match"], rows))
    say("\n".join(found["notes"]))
    for name, groups in found["tables"].items():
        say(f"\nexact match by {name}" if name != "all questions" else "\nexact match over all questions")
        header = [key for key in groups[0] if key not in ("examples", "exact_match")]
        rows = [[*(g[key] for key in header), f"{g['examples']:,}", cut(g["exact_match"], 5)] for g in groups]
        say(table([*header, "examples", "exact match"], rows))
    rows = [[shortened(shown) for shown in mistake.values()] for mistake in found["mistakes"]]
    if rows:
        say("\nfirst mistakes")
        say(table(["question", "answer", "prediction"], rows))
    elif found["scores"]:
        say("\nno mistakes on the validation set")


def show_suites(suites: Sequence[SuiteResult]) -> None:
    """Prints a table of the slices of each suite; of the pairs of lengths, the worst ones."""
    for result in suites:
        if result.slices:
            chosen = result.chosen
            say(
                f"\nsuite of {result.task.name} at {size(result)}: {result.num_questions:,} questions, "
                f"up to {chosen.per_slice:,} per slice, seed {chosen.seed}"
            )
            say(slice_table(result))
            if hidden := len(result.slices) - len(shown(result.slices)):
                say(f"({hidden} more slices lengths-M-N are not worse than these; the saved file holds all)")


def show_worst(suites: Sequence[SuiteResult]) -> None:
    """Prints the worst slice of each suite."""
    for result in suites:
        say(f"at {size(result)}, {result.worst_in_words()}" if len(suites) > 1 else result.worst_in_words())


def size(result: SuiteResult) -> str:
    """The D of a suite in words."""
    return f"{result.digits:,} {result.task.notation.unit}"


def shown(slices: Sequence[SliceResult]) -> list[SliceResult]:
    """The slices that are printed, in the order of the suite."""
    of_lengths = [each for each in slices if each.name.startswith(LENGTHS)]
    least = sorted(of_lengths, key=lambda each: each.all.right / each.all.count)[:LENGTHS_SHOWN]
    return [each for each in slices if each in least or each not in of_lengths]


def slice_table(result: SuiteResult) -> str:
    """One row per slice; the columns of seen and unseen questions are left out where they are not known."""
    rows = []
    for each in shown(result.slices):
        row = [each.name]
        for share in (each.all, each.seen, each.unseen):
            row += [] if share is None else [f"{share.count:,}", str(share)]
        rows.append([*row, each.wrong.sentence(result.task) if each.wrong else ""])
    known = ["seen", "right", "not seen", "right"] if result.slices[0].seen is not None else []
    return table(["slice", "questions", "right", *known, "first wrong answer"], rows)
