"""The metrics of answers, always of the decoded strings, for the training loop and every evaluation."""

import dataclasses

import numpy as np

from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import View
from seq2seq_arith.trainer.training.learner import Learner


@dataclasses.dataclass(frozen=True)
class Score:
    """The metrics of a set of examples; its fields are ``history.METRICS``."""

    loss: float  # the mean cross-entropy per character, in nats
    # The share of characters that are right, padding included, as in the notebook that the project started from: of
    # ``evaluate`` those of decoded answers, of ``Learner.score`` those under teacher forcing. The two differ only where
    # a model that writes character by character errs.
    character_accuracy: float
    exact_match: float  # the share of answers that are right as a whole


def decode(view: View, ids: np.ndarray, rows: int = 8192) -> np.ndarray:
    """Decodes answers, ``rows`` at a time: uint8 ids [examples, answer steps] to uint8 [examples, answer width]."""
    parts = [view.decode_answer(ids[start : start + rows]).numpy() for start in range(0, len(ids), rows)]
    return np.concatenate(parts)


def evaluate(
    learner: Learner, examples: Examples, report_progress: ReportProgress = no_progress
) -> tuple[Score, np.ndarray]:
    """The score on a set, and the answers as strings, uint8 [examples, answer width]."""
    ids, losses = learner.answer(examples, report_progress)
    predicted = decode(learner.view, ids)
    right = predicted == examples.answers
    loss = float(np.mean(losses, dtype=np.float64))
    return Score(loss, float(right.mean()), float(right.all(axis=1).mean())), predicted
