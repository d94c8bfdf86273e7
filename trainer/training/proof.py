"""From a run to a proof that its model is always right, or to the questions that it answers wrong.

A proof has two assumptions, besides this code: the input format shows the columns that the task's transducer reads, and
the network computes in float32, not in a GPU's TF32. Both are checked on some questions: ``check_questions``.
"""

import dataclasses
import functools
import hashlib
import io
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.version import __version__
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.proving import networks
from seq2seq_arith.trainer.proving.networks import Provable
from seq2seq_arith.trainer.proving.tables import RangeError, Weights
from seq2seq_arith.trainer.runs import checkpoints, proofs
from seq2seq_arith.trainer.runs.files import write, write_json
from seq2seq_arith.trainer.runs.proofs import Counterexample, Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import proof_boxes, proof_sums, proof_tables, proof_windows
from seq2seq_arith.trainer.training.answerers import TablesAnswerer, evaluator
from seq2seq_arith.trainer.training.building import input_format_of
from seq2seq_arith.trainer.training.proof_checks import (
    Model,
    Prover,
    Question,
    Restore,
    check_network,
    task_of,
    too_large,
)

# How each kind of network is proved, by ``Provable.prover``.
PROVERS: Mapping[str, Prover] = {
    "tables": proof_tables.check,
    "windows": proof_windows.check,
    "boxes": proof_boxes.check,
    "sums": proof_sums.check,
}


@dataclasses.dataclass(frozen=True)
class Proved:
    """What ``prove`` found about a run, which ``save`` writes into its folder.

    Attributes:
      run: The run.
      proof: Its proof.
      counterexamples: A question for each case that is wrong or within the rounding error, sorted by length;
        none if the proof holds.
      certificate: The content of ``certificate.npz``; None if the proof does not hold, or its task is custom.
    """

    run: Run
    proof: Proof
    counterexamples: list[Counterexample]
    certificate: bytes | None

    def save(self) -> None:
        """Writes ``certificate.npz`` and ``proof.json``, but not into the package; raises WriteError if that fails."""
        if self.run.is_pretrained:
            return
        if self.certificate is not None:
            write(self.run.certificate, self.certificate)
        write_json(self.run.proof, self.proof.to_json())


def prove(run: Run, restore: Restore) -> Proved:
    """Checks every case that the best model of a run can meet; writes nothing.

    ``restore`` returns the network itself, which answers some questions if no case is wrong.

    Raises InputError if the run has no checkpoint, or its model cannot be proved.
    """
    started, sha256, config_sha256 = time.monotonic(), proofs.sha256(run), proofs.config_sha256(run)
    weights, _ = checkpoints.load(run.best)
    network, tables = tables_of(run, weights)
    model = Model(run, tables, restore, seed=int(sha256[:8], 16))
    checked = PROVERS[network.prover](model)
    margins, bound = checked.margins, checked.bound
    # The right logit and the highest other one can each have an error of the bound.
    wrong = np.flatnonzero(~(margins > 2 * bound))
    if checked.difference and not len(wrong):
        check_network(model, checked.difference, float(np.max(bound)))
    # First the questions that are answered wrong, then those for which rounding may decide.
    shortest = _answered(run, weights, restore, checked.questions(wrong)) if len(wrong) else []
    samples = sorted(shortest, key=lambda sample: sample.right)
    rounding = None
    if isinstance(bound, np.ndarray) and not samples:
        rounding = math.ceil(1e3 * float((2 * bound / margins).max())) / 1e3
    undecided = int(np.count_nonzero(margins[wrong] > 0))
    certificate = None
    if checked.certificate and not samples and run.task.own is None:
        np.savez_compressed(file := io.BytesIO(), **checked.certificate)  # pyright: ignore
        certificate = file.getvalue()
    proof = Proof(
        task=run.task.name,
        prover=proofs.PROVER,
        weights_sha256=sha256,
        config_sha256=config_sha256,
        states=checked.states,
        cases=len(margins),
        wrong=int(np.count_nonzero(margins <= 0)),
        near=0 if checked.has_boxes else undecided,
        open=undecided if checked.has_boxes else None,
        margin=math.floor(1e6 * margins.min()) / 1e6,
        bound=math.ceil(1e5 * float(np.max(bound))) / 1e5,
        rounding=rounding,
        seconds=round(time.monotonic() - started, 3),
        version=__version__,
        counterexample=samples[0] if samples else None,
        is_shortest=not samples or (checked.is_shortest and samples[0] == shortest[0]),
        certificate_sha256=hashlib.sha256(certificate).hexdigest() if certificate else None,
        dashes=checked.dashes,
    )
    return Proved(run, proof, samples, certificate)


def tables_of(run: Run, weights: Weights) -> tuple[Provable, Any]:
    """The kind of a run's model, and its weights in NumPy; raises InputError if the model cannot be proved."""
    if reason := networks.why_not(run.task, run.config):
        raise InputError(f"{run.place}: {reason}; give a run of such a model")
    network = networks.find(run.task, run.config, weights)
    error = InputError(
        f"{run.place} does not have the layers of a network that can be proved; give a run of: {networks.provable()}"
    )
    if network is None:
        raise error
    try:
        return network, network.tables(weights, input_format_of(run.config, run.task).alphabet)
    except (KeyError, ValueError, IndexError):  # a layer is missing, or has another shape
        raise error from None
    except RangeError:
        raise too_large(run) from None


def _answered(run: Run, weights: Weights, restore: Restore, questions: Sequence[Question]) -> list[Counterexample]:
    """Questions of ``written`` in their order, each with the answer of the model as ``predict`` gives it."""
    evaluate = evaluator(run, weights, is_proved=False)
    rows_of, samples = dict[Task, list[int]](), dict[int, Counterexample]()
    for row, (question, _) in enumerate(questions):
        rows_of.setdefault(task_of(run, question), []).append(row)
    for task, rows in rows_of.items():
        network = functools.partial(restore, task)
        answerer = TablesAnswerer.of(run, task, evaluate, network) if evaluate else network()
        stored = [text.stored(task, *text.typed_operands(questions[row][0], task)) for row in rows]
        examples = question_sets.from_stored(task, stored)
        answers = map(text.to_strings, (examples.answers, answerer.predict(examples.questions)[0]))
        for row, answer, prediction in zip(rows, *answers, strict=True):
            question, columns = questions[row]
            samples[row] = Counterexample(question, answer.strip(), prediction.strip(), columns)
    return list(dict.fromkeys(samples[row] for row in range(len(questions))))
