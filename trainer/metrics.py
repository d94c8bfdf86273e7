"""How right the answers are, always taken on the decoded strings."""

import dataclasses

import numpy as np

from seq2seq_arith.trainer.codec import View
from seq2seq_arith.trainer.inputs import Encoded, Examples
from seq2seq_arith.trainer.learner import Answers, Learner
from seq2seq_arith.trainer.report import Tell, unheard


@dataclasses.dataclass(frozen=True)
class Score:
    """The result on a set of examples.

    Attributes:
      loss: The mean cross-entropy a character, in nats.
      characters: The share of right characters, padding included, as the notebook counts them.
      exact: The share of answers that are right as a whole.
    """

    loss: float
    characters: float
    exact: float


def character_accuracy(predicted: np.ndarray, answers: np.ndarray) -> float:
    """The share of equal characters of two uint8 [examples, width]."""
    return float(np.mean(predicted == answers))


def exact_matches(predicted: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """bool [examples]: where two uint8 [examples, width] agree as a whole."""
    return np.all(predicted == answers, axis=1)


def decode(view: View, ids: np.ndarray, rows: int = 8192) -> np.ndarray:
    """Answer ids as strings, uint8 [examples, answer width], ``rows`` at a time."""
    parts = [view.decode_answer(ids[start : start + rows]).numpy() for start in range(0, len(ids), rows)]
    return np.concatenate(parts)


def score(answers: Answers, predicted: np.ndarray, examples: Examples) -> Score:
    """The score of answers whose decoded strings are ``predicted``."""
    return Score(
        loss=float(np.mean(answers.losses, dtype=np.float64)),
        characters=character_accuracy(predicted, examples.answers),
        exact=float(np.mean(exact_matches(predicted, examples.answers))),
    )


def evaluate(learner: Learner, data: Encoded, examples: Examples, tell: Tell = unheard) -> tuple[Score, np.ndarray]:
    """The score on a set, and the answers as strings, uint8 [examples, answer width]; ``tell`` hears of progress."""
    answers = learner.answer(data, tell)
    predicted = decode(learner.view, answers.ids)
    return score(answers, predicted, examples), predicted
