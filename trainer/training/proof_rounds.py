"""Counterexample-guided training: while a proof fails, its counterexamples are mixed into fresh draws for a round.

This is counterexample-guided inductive synthesis (CEGIS; Solar-Lezama et al., "Combinatorial sketching for finite
programs", ASPLOS 2006), with a network in the place of a program: the proof returns a question for each case that is
wrong, and the model is trained on them for a thousand steps. Other cases may become wrong meanwhile, so the next round
proves all of them again.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Sequence

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.terminal import GREEN, RED, colored, say, wrapped
from seq2seq_arith.trainer.data.lanes import Block
from seq2seq_arith.trainer.data.stream import Stream
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.samples import Sample
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.loop import Loop
from seq2seq_arith.trainer.training.proof import Restore, prove

STEPS = 1000  # of a round, in which the learning rate goes along its whole cosine once more
NEARLY_RIGHT = 0.99  # below this exact match, nothing can be proved, and the latches have very many states
SHARE = 1 / 2  # the share of counterexamples in a batch; the rest is drawn
# Longer questions are left out: they do not fit into one word, by which the stream recognises the validation set.
MAX_DIGITS = 17


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixed(Stream):
    """Fresh draws, a share of which is replaced by counterexamples and by variations of them."""

    wrong: tuple[str, ...]  # the counterexamples, as people write them, those of the last proof first
    newest: int  # the number of those of the last proof; half of the counterexamples in a batch are of these

    def block(self, first: int, count: int, rows: slice | None = None) -> Block:
        drawn, task, rows = super().block(first, count, rows), self.drawn_task, rows or slice(0, self.rows)
        stored = [text.parse(question, task).stored for question in self.wrong]
        counterexamples = text.operands(task, text.to_codes(stored, task.question_width))
        share = int(SHARE * self.batch_size)
        for step in range(count):
            generator = np.random.default_rng([self.seed, first + step])
            chosen = generator.integers(np.where(np.arange(share) % 2, self.newest, len(self.wrong)))
            operands = tuple(_varied(side[:, chosen], task.size, generator) for side in counterexamples)
            # Where a question may be in the validation set, what was drawn stays.
            taken = np.flatnonzero(~self._left_out(operands))
            taken = taken[(taken >= rows.start) & (taken < rows.stop)]
            operands = tuple(side[:, taken] for side in operands)
            drawn.questions[step, taken - rows.start] = text.questions(task, *operands)
            drawn.answers[step, taken - rows.start] = text.answers(task, *operands)
        return drawn


def _varied(numbers: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Numbers of at most ``MAX_DIGITS``, uint64 [words, numbers]; in half of them one digit, or one more, is another.

    So all that changes is in the first word, which is the least significant one.
    """
    low = numbers[:1]
    places = np.uint64(10) ** generator.integers(min(size, MAX_DIGITS + 1), size=low.shape).astype(np.uint64)
    changed = generator.integers(10, size=low.shape).astype(np.uint64)
    others = low + (changed - low // places % np.uint64(10)) * places
    return np.concatenate([np.where(generator.random(low.shape) < 0.5, others, low), numbers[1:]])


class Best:
    """The weights of a run with the fewest wrong cases so far; each round begins from these.

    Where boxes are not closed, all cases are open, so that their number says nothing. Of such networks, that is better
    whose wrong question is longer: a search finds the shortest of those that it can find.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._weights: dict[str, np.ndarray] = {}
        self._rank = (np.inf, 0)

    def keep(self, proof: Proof) -> bool:
        """Takes the weights of best.npz, which a proof is of, if they are better; returns whether it has."""
        question = proof.counterexample.question if proof.counterexample and proof.open else ""
        rank = (proof.wrong + proof.near + (proof.open or 0), -len(question))
        if rank >= self._rank:
            return False
        self._rank, (self._weights, _) = rank, checkpoints.load(self._run.best)
        return True

    def assign(self, learner: Learner) -> None:
        """Gives the weights to the model of a learner."""
        checkpoints.assign(learner.model.variables, self._weights, self._run.best)


def train_until_proved(loop: Loop, restore: Restore, make: Callable[[Stream, int], Learner], stream: Stream) -> None:
    """Proves the best model of a training that has ended; while that fails, retrains it for at most ``prove`` rounds.

    Each round is an epoch of its own in the history. ``restore`` gives the best model on the strings of a task, and
    ``make`` a learner of a stream, with the steps until its learning rate is zero.

    Raises WriteError as ``Proved.save``; DivergedError if a weight is no longer a number.
    """
    exact = loop.state.history[loop.state.best_epoch - 1]["val_exact_match"]
    if exact < NEARLY_RIGHT:
        say(f"note: not proved, because the exact match is below {NEARLY_RIGHT:g}")
        return
    run, rounds, best, wrong = loop.run, loop.config.prove, Best(loop.run), list[str]()
    done = loop.state.history[-1]["round"]  # before this run was stopped, or with fewer rounds
    for number in range(min(done, rounds), rounds + 1):
        try:
            proved = prove(run, restore)
        except InputError as error:  # the training has ended well, whatever can be proved of it
            say(f"note: not proved: {error}")
            return
        proof = proved.proof
        say(colored(wrapped(str(proof)), GREEN if proof.holds else RED))
        proved.save()
        if proof.holds or not _has_rounds(run.task):
            return
        is_better = best.keep(proof)
        if number == rounds:
            if not is_better:
                best.assign(loop.learner)
                loop.undo_round()
                proved = prove(run, restore)
                say(wrapped(f"undone: {proved.proof}"))
                proved.save()
            return
        newest = _questions(proved.counterexamples, _max_digits(loop))
        wrong = list(dict.fromkeys([*newest, *wrong]))
        if not wrong:
            say(f"note: no counterexample has at most {_max_digits(loop)} digits, so no round can use one")
            return
        counterexamples = f"{len(wrong):,} counterexample{'s' * (len(wrong) != 1)}, {len(newest):,} of the last proof"
        say(f"round {number + 1} of {rounds}: {STEPS} steps with {counterexamples}")
        batches = _batches(loop, stream, wrong, len(newest))
        learner = make(batches, STEPS)
        best.assign(learner)
        started = time.monotonic()
        outcomes = _trained(loop, learner, batches)
        loop.add_round(STEPS, outcomes, time.monotonic() - started, batches.drawn_task.size)


def _max_digits(loop: Loop) -> int:
    """The maximum number of digits of the questions of a round."""
    return min(MAX_DIGITS, loop.run.task.size) if loop.config.prove_within_digits else MAX_DIGITS


def _questions(samples: Sequence[Sample], most: int) -> list[str]:
    """The questions of a proof with at most ``most`` digits, for training, without duplicates.

    A question may be a counterexample of several numbers of columns, so that several samples may have it.
    """
    return list(dict.fromkeys(sample.question for sample in samples if _digits(sample.question) <= most))


def _batches(loop: Loop, stream: Stream, wrong: Sequence[str], newest: int) -> Mixed:
    """The batches of the next round; their draws are fresh, and by a digit longer than the questions, if allowed."""
    task, seed = loop.run.task, stream.seed + 10**6 * (len(loop.state.history) + 1)
    longer = not loop.config.prove_within_digits
    length = max(max(map(_digits, wrong)) + longer, task.size)
    fields = stream.task, stream.cutoff, stream.batch_size, stream.multiple, seed, length
    return Mixed(*fields, wrong=tuple(wrong), newest=newest or len(wrong))


def _trained(loop: Loop, learner: Learner, batches: Mixed) -> dict[str, np.ndarray]:
    """Trains a round, gives the weights to the learner of the loop, and returns the outcomes of the steps."""
    outcomes, step = [], 0
    with progress(f"{loop.run.task.name}, round", STEPS) as report_progress:
        while step < STEPS:
            count = min(learner.steps_per_call(batches), STEPS - step)
            outcomes.append(learner.train(batches, step, count))
            step += count
            report_progress(step, f"loss {outcomes[-1]['loss'].mean():.4f}")
    for target, source in zip(loop.learner.model.variables, learner.model.variables, strict=True):
        target.assign(np.asarray(source))
    return {name: np.concatenate([outcome[name] for outcome in outcomes]) for name in outcomes[0]}


def _has_rounds(task: Task) -> bool:
    """Whether a question of the task stays one when a digit changes, which is not known of a custom task."""
    return task.operation.transducer is not None and task.name in BUILT_IN


def _digits(question: str) -> int:
    """The digits of the longer operand."""
    return max(map(len, re.split("[+-]", question)))
