"""Activation patching: the answer to a question while one layer has the state of another question."""

from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base.checks import check_choice
from seq2seq_arith.base.tables import abridged
from seq2seq_arith.trainer.interpretability.subject import ALL, Analysis, Subject, heat_map, replacement
from seq2seq_arith.trainer.models.network import up_to
from seq2seq_arith.trainer.training.learner import Learner


def patch(learner: Learner, question: text.Question, other: text.Question, layer: str | None) -> Analysis:
    """The answers to a question while one layer, at one step, returns its output for another question.

    Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022. ``moved`` is how far the logits move
    from the question's own answer to the other one, at the steps where the two differ: 0 is not at all, 1 is all of
    the way. None of the steps follows the end mark of either answer.
    """
    stored = [question.stored, other.stored]
    subject = Subject(learner, text.to_codes(stored, learner.input_format.task.question_width))
    (states, _), (own, theirs) = subject.activations(), subject.written
    answers, steps = subject.strings(subject.written), differing(own, theirs, subject.network.end)
    if layer is not None:
        check_choice("the layer", layer, list(states))

    def lead(logits: np.ndarray) -> np.ndarray:
        return (logits[:, steps, own[steps]] - logits[:, steps, theirs[steps]]).mean(axis=1)

    first, last = lead(subject.logits()) if len(steps) else (0.0, 0.0)
    rows: list[dict[str, Any]] = []
    for name in [layer] if layer else states:
        names = subject.step_names(states[name].shape[1])
        mask = np.eye(len(names), dtype=bool)
        if len(names) > 1:  # after the single steps, all of them together
            mask, names = np.vstack([mask, np.ones_like(mask[:1])]), [*names, ALL]
        hook, zeros = replacement(name, mask[:, :, None], states[name][1]), np.zeros(len(mask), int)
        patched = subject.strings(subject.decoded(hook, tf.gather(subject.ids, zeros)))
        moved = (first - lead(subject.logits(hook, rows=zeros))) / (first - last) if len(steps) else 0.0 * zeros
        for step, answer, share in zip(names, patched, moved.tolist(), strict=True):
            effect = {"answer": answer, "as_other": answer == answers[1], "moved": share}
            rows.append({"layer": name, "step": step, **effect})
    title = (
        f"{question.typed} is answered with {answers[0]}, and {other.typed}, whose states are patched in, {answers[1]}"
    )
    heading = f"How far each state of {abridged(other.typed)}\nmoves the answer to {abridged(question.typed)}"
    drawn = heat_map(rows, "moved", heading, "0: not at all, 1: all of the way")
    return Analysis(sorted(rows, key=lambda row: -row["moved"]), [drawn], title)


def differing(own: np.ndarray, theirs: np.ndarray, end: int | None) -> np.ndarray:
    """The steps at which two answers differ, ids [steps]; what follows an end mark was never learned.

    >>> differing(np.array([1, 2, 9, 0]), np.array([1, 3, 4, 9]), end=9)
    array([1, 2])
    """
    is_learned = up_to(np.array([own, theirs]), end).numpy().all(axis=0)
    return np.flatnonzero((own != theirs) & is_learned)
