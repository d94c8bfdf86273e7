"""The metrics of answers, always of the decoded strings, for the training loop and every evaluation."""

import dataclasses

import numpy as np

from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import View
from seq2seq_arith.trainer.training.learner import Answers, Learner


@dataclasses.dataclass(frozen=True)
class Score:
    """The metrics of a set of examples; its fields are ``history.METRICS``."""

    loss: float  # the mean cross-entropy per character, in nats
    # The share of characters that are right, padding included, as in the notebook that the project started from: of
    # ``evaluate`` those of decoded answers, of ``validate`` those under teacher forcing. The two differ only where a
    # model that writes character by character errs.
    character_accuracy: float
    exact_match: float  # the share of answers that are right as a whole


def exact_matches(predicted: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """bool [examples]: whether each row of two uint8 [examples, width] is equal."""
    return np.all(predicted == answers, axis=1)


def decode(view: View, ids: np.ndarray, rows: int = 8192) -> np.ndarray:
    """Decodes answers, ``rows`` at a time: uint8 ids [examples, answer steps] to uint8 [examples, answer width]."""
    parts = [view.decode_answer(ids[start : start + rows]).numpy() for start in range(0, len(ids), rows)]
    return np.concatenate(parts)


def score(answers: Answers, predicted: np.ndarray, examples: Examples) -> Score:
    """The score of answers whose decoded strings are ``predicted``, uint8 [examples, answer width]."""
    return Score(
        loss=float(np.mean(answers.losses, dtype=np.float64)),
        character_accuracy=float(np.mean(predicted == examples.answers)),
        exact_match=float(np.mean(exact_matches(predicted, examples.answers))),
    )


def validate(learner: Learner, examples: Examples, report_progress: ReportProgress = no_progress) -> Score:
    """The score on a set, computed where the answers are, which stay there."""
    return Score(**learner.score(examples, report_progress))


def evaluate(
    learner: Learner, examples: Examples, report_progress: ReportProgress = no_progress
) -> tuple[Score, np.ndarray]:
    """The score on a set, and the answers as strings, uint8 [examples, answer width]."""
    answers = learner.answer(examples, report_progress)
    predicted = decode(learner.view, answers.ids)
    return score(answers, predicted, examples), predicted
