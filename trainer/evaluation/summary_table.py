"""The table at the end of training: data, scores and cost of each model."""

import dataclasses
from collections.abc import Mapping

from seq2seq_arith.arithmetic.scoring import Scores
from seq2seq_arith.base.tables import cut, fitted
from seq2seq_arith.base.terminal import say, terminal_width
from seq2seq_arith.trainer.evaluation import suites
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training.opened import OpenRun
from seq2seq_arith.trainer.training.session import Trained


def facts(summary: Summary, suite: Scores | None = None, proof: Proof | None = None) -> dict[str, str]:
    """The data, the scores and the cost of a model in words; ``suite`` has its scores on the suite, if evaluated."""
    return {
        "trained on": summary.dataset,
        "hints": summary.hints,
        "exact match": cut(summary.exact_match, 4),
        **({"worst slice": suite.in_brief(), "wrong": suite.total().in_words()} if suite else {}),
        **({"proved": proof.in_brief() if proof else "-"} if suite or proof else {}),
        "weights": f"{summary.weights:,}",
        "examples seen": f"{summary.examples:,}",
        "flops": f"{summary.flops:.1e}",
        "seconds": f"{summary.seconds:.1f}",
        "CPU seconds": f"{summary.cpu_seconds:.1f}",
    }


def compared(columns: Mapping[str, dict[str, str]]) -> str:
    """A table with a column of facts for each task, that fits the terminal."""
    names = next(iter(columns.values()))
    rows = [[name, *(column[name] for column in columns.values())] for name in names]
    return fitted(["task", *columns], rows, terminal_width())


def evaluate_suite(run: OpenRun) -> Scores:
    """Evaluates the best model on its task's suite, and saves the scores in the run's summary.

    Raises WriteError if the summary cannot be written.
    """
    suite = suites.evaluate_run(run)
    if run.summary:
        dataclasses.replace(run.summary, scores=suite).write(run.run.summary)
    return suite


def show(trained: Trained, with_suite: bool) -> None:
    """Prints the table at the end of training; ``with_suite``, the best model is first evaluated on the suite."""
    run = OpenRun(trained.run)
    suite = evaluate_suite(run) if with_suite else None
    say("\n" + compared({run.run.task.name: facts(trained.summary, suite, run.proof)}))
