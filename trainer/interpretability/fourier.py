"""Key frequencies of a model that adds modulo p: the waves that explain its logits, and exact match from them alone."""

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.figures import HeatMap
from seq2seq_arith.trainer.interpretability.subject import Analysis, Subject
from seq2seq_arith.trainer.models.network import Autoregressive
from seq2seq_arith.trainer.training.learner import Learner

MAX_MODULUS = 128  # every answer to every question is scored
KEY_SHARE = 0.01  # the least share of the logits' variance of a key frequency


def is_supported(input_format: InputFormat) -> bool:
    """Whether ``fourier`` can analyse a model with an input format."""
    task = input_format.task
    return task.name == "modular_addition" and task.size <= MAX_MODULUS and not input_format.writes_more


def fourier(learner: Learner) -> Analysis:
    """The waves with which a model adds modulo p: by frequency k, the share of the logits' variance that is its wave.

    The wave is cos(2 pi k (x + y - c) / p), over all x, y and answers c (Nanda et al., "Progress Measures for Grokking
    via Mechanistic Interpretability", ICLR 2023). The facts ``rebuilt`` and ``without`` are accuracies: of logits that
    keep of x and y only the waves of x + y with the key frequencies, and a constant (as the paper's restricted loss);
    and of logits without these waves (as its excluded loss).
    """
    task, modulus = learner.input_format.task, learner.input_format.task.size
    if not is_supported(learner.input_format):
        supported = f"modular_addition with a modulus up to {MAX_MODULUS}, written without hints"
        raise InputError(
            f"the task is {task.config_name}, and these waves are those of {supported}; analyse such a run"
        )
    examples = question_sets.examples(task, question_sets.all_questions(task))
    return waves(answer_scores(Subject(learner, examples.questions, examples.answers)).reshape(3 * (modulus,)))


def answer_scores(subject: Subject) -> np.ndarray:
    """The log-probability of every answer to every question, [questions, answers], less its mean over the answers.

    The questions are all of a modulus p, in order, so the first p of them have the answers 0 to p - 1.
    """
    right, modulus = subject.written, round(len(subject.ids) ** 0.5)
    answers, counted = right[:modulus], subject.counted[:modulus]
    # A network that reads what it has written is evaluated once for each beginning of an answer.
    before = answers[:, : (answers.shape[1] - 1) * isinstance(subject.network, Autoregressive)]
    _, group = np.unique(before, axis=0, return_inverse=True)
    scores = np.zeros((len(right), modulus))
    for members in [np.flatnonzero(group.ravel() == number) for number in range(group.max() + 1)]:
        subject.written = np.repeat(answers[members[:1]], len(right), axis=0)
        logits = np.asarray(tf.nn.log_softmax(subject.logits()))
        for answer in members:
            scores[:, answer] = logits[:, np.arange(answers.shape[1]), answers[answer]] @ counted[answer]
    subject.written = right
    return scores - scores.mean(axis=1, keepdims=True)


def waves(scores: np.ndarray) -> Analysis:
    """As ``fourier``, of scores, float64 [x, y, c], less their mean over c."""
    modulus, number = len(scores), np.arange(len(scores))
    frequencies, total = np.arange(1, modulus // 2 + 1), (number[:, None] + number) % modulus
    by_sum = scores[number[:, None], (number - number[:, None]) % modulus].mean(axis=0)  # [x + y, c]
    by_difference = by_sum[total, number].mean(axis=1)  # [x + y - c]
    basis = np.cos(2 * np.pi * np.outer(frequencies, number) / modulus)
    shares = (basis @ by_difference / modulus) ** 2 / (basis**2).mean(axis=1) / max((scores**2).mean(), 1e-30)
    keys = frequencies[shares >= KEY_SHARE]
    is_key = np.isin(np.minimum(number, modulus - number), keys)[:, None]
    of_keys = np.fft.ifft(np.where(is_key, np.fft.fft(by_sum, axis=0), 0), axis=0).real
    facts = {
        "frequencies": keys[np.argsort(-shares[keys - 1], kind="stable")].tolist(),
        "explained": float(shares[keys - 1].sum()),
        "exact_match": float(np.mean(scores.argmax(axis=2) == total)),
        "rebuilt": float(np.mean((of_keys + by_sum.mean(axis=0)).argmax(axis=1) == number)),
        "without": float(np.mean((scores - of_keys[total]).argmax(axis=2) == total)),
    }
    rows = [{"frequency": k, "logits": share} for k, share in zip(frequencies.tolist(), shares.tolist(), strict=True)]
    heat_map = HeatMap(
        "How much of the logits each wave explains",
        shares[None],
        ["logits"],
        frequencies.tolist(),
        across="frequency",
        meaning="share of the variance",
    )
    return Analysis(sorted(rows, key=lambda row: -row["logits"]), [heat_map], waves_in_words(facts), facts)


def waves_in_words(facts: dict[str, Any]) -> str:
    """The facts of ``fourier`` in two lines."""
    rounded = {name: cut(value, 4) for name, value in facts.items() if name != "frequencies"}
    return (
        f"key frequencies {', '.join(map(str, facts['frequencies'])) or '-'} explain {rounded['explained']} of logits\n"
        f"exact match {rounded['exact_match']}, rebuilt from these waves {rounded['rebuilt']}, "
        f"without them {rounded['without']}"
    )
