"""Ablation: exact match and worst-slice accuracy while a layer, a head of attention or a unit is removed."""

import dataclasses
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.scoring import Scores, SliceScore, count_slices
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.base.checks import check_choice
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.figures import HeatMap
from seq2seq_arith.trainer.interpretability.subject import (
    ALL,
    Analysis,
    Hook,
    Subject,
    identity,
    random_questions,
    replacement,
)
from seq2seq_arith.trainer.training.learner import Learner

NOTHING = "none"


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a model that can be removed: a layer, a head of attention, or a unit of a layer; or nothing."""

    layer: str
    part: str  # ``head 1``, ``unit 3``, ``ALL`` of the layer, or ``NOTHING``
    hook: Hook = identity  # replaces outputs of layers
    attention_hook: Hook = identity  # replaces shares of attention

    @property
    def name(self) -> str:
        """The layer, with its head or unit."""
        return self.layer if self.part in (ALL, NOTHING) else f"{self.layer}, {self.part}"

    def exact_without(self, subject: Subject) -> np.ndarray:
        """bool [examples]: whether all that is written is right without the part."""
        return subject.exact(self.hook, self.attention_hook)


def ablate(learner: Learner, layer: str | None, by: str, chosen: SuiteOptions) -> Analysis:
    """Exact match and the worst slice while a part of a model is removed: a layer, a head, or a unit of one layer.

    Its output is replaced by zero (zero ablation), or by its mean over the questions (mean ablation). The attention of
    a removed head is zero everywhere, or the mean attention.
    """
    check_choice("by", by, ("zero", "mean"))
    task = learner.input_format.task
    slices, _, operands, slice_index = question_sets.suite_questions(task, chosen, task.size)
    names = [slice.name for slice in slices] or ["random"]
    examples = question_sets.examples(task, operands or random_questions(task, chosen.seed, chosen.per_slice))
    slice_index = slice_index if slices else np.zeros(len(examples), int)
    subject = Subject(learner, examples.questions, examples.answers)
    removed = parts(subject, layer, by)
    rows, shares = [], []  # shares [parts][slices]
    for part in removed:
        counts = count_slices(slice_index, len(names), right=part.exact_without(subject))
        scores = Scores(
            tuple(SliceScore(*count.values(), slice=name) for name, count in zip(names, counts, strict=True))
        )
        worst = scores.worst()
        assert worst
        of_worst = {"worst_slice": worst.slice, "worst_exact_match": worst.exact_match}
        rows.append({"layer": part.layer, "part": part.part, "exact_match": scores.exact_match, **of_worst})
        shares.append([score.exact_match for score in scores.rows])
    rows[1:] = sorted(rows[1:], key=lambda row: row["exact_match"])
    kept = [number for number, name in enumerate(names) if not name.startswith("lengths")]
    columns, down = [names[number] for number in kept], [part.name for part in removed]
    name = f"What {learner.config.model.name} still answers right without a part"
    heat_map = HeatMap(
        name,
        np.array(shares)[:, kept],
        down,
        columns,
        down="removed",
        across="slice",
        meaning="exact match",
    )
    value = "its mean" if by == "mean" else "zero"
    has_heads = any(part.attention_hook is not identity for part in removed)
    output = "the output of one layer, or the attention weights of one head," if has_heads else "the output of one part"
    more = ", of which all that is written must be right" * learner.input_format.writes_more
    # A question may be in two slices.
    distinct = len(np.unique(np.c_[examples.questions, examples.answers], axis=0))
    title = (
        f"{len(examples):,} questions of {task.name}, {distinct:,} of them different{more}; {output} is "
        f"replaced by {value}"
    )
    return Analysis(rows, [heat_map], title)


def parts(subject: Subject, layer: str | None, by: str) -> list[Part]:
    """Nothing, then all heads and layers; or, of one layer, its heads if it is one of attention, else its units.

    A removed part is replaced by ``zero``, or by its ``mean`` over the examples. Raises InputError if there is no such
    layer, or its heads cannot be removed.
    """
    (states, attention), plain = subject.activations(), subject.logits()
    # A custom layer may note its attention, and compute its output without what note_attention returns.
    fixed = {
        name for name in attention if np.array_equal(subject.logits(attention_hook=replacement(name, True, 0.0)), plain)
    }
    if layer is not None:
        check_choice("the layer", layer, [*states, *attention])
    if layer in fixed:
        raise InputError(f"{layer} does not use what note_attention returns, so no head can be removed; let it do so")

    def removal(name: str, mask: Any, values: np.ndarray) -> Hook:
        return replacement(name, mask, values.mean(axis=0, keepdims=True) if by == "mean" else 0.0)

    heads = [
        Part(name, f"head {number}", attention_hook=removal(name, mask[:, None, None], shares))
        for name, shares in attention.items()
        if name not in fixed and layer in (None, name)
        for number, mask in enumerate(np.eye(shares.shape[1], dtype=bool))
    ]
    if layer is None:
        others = [Part(name, ALL, removal(name, True, values)) for name, values in states.items()]
    elif layer in attention:
        others = []
    else:
        masks = enumerate(np.eye(states[layer].shape[2], dtype=bool))
        others = [Part(layer, f"unit {unit}", removal(layer, mask, states[layer])) for unit, mask in masks]
    return [Part(NOTHING, NOTHING), *heads, *others]
