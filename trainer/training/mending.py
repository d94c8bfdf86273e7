"""Training until a proof holds: what a proof has found is mixed into fresh draws, and the model is trained on.

This is counterexample-guided training, as in Clarke et al., "Counterexample-Guided Abstraction Refinement", CAV 2000:
the proof names each case that is wrong by the shortest question that has it, and a thousand steps mend it. Other
cases may become wrong by that, so the next round proves all of them again.
"""

import dataclasses
import re
import time
from collections.abc import Callable

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.terminal import say, wrapped
from seq2seq_arith.trainer.data.lanes import Block
from seq2seq_arith.trainer.data.stream import Stream
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.loop import Loop
from seq2seq_arith.trainer.training.proof import Restore, prove

STEPS = 1000  # of a round, in which the learning rate goes along its whole cosine once more
NEARLY_RIGHT = 0.99  # below this exact match, nothing can be proved, and the latches have very many states
SHARE = 1 / 2  # of a batch is what the proofs have found; the rest is drawn
# Longer questions are left out: they do not fit into one word, by which the stream tells the validation set.
MOST_DIGITS = 17


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixed(Stream):
    """Fresh draws, a share of which is replaced by questions that were answered wrong, and some that are like them."""

    wrong: tuple[str, ...]  # as people write them, those of the last proof first
    newest: int  # how many of them are of the last proof; half of what is taken is of these

    def block(self, first: int, count: int, rows: slice | None = None) -> Block:
        drawn, task, rows = super().block(first, count, rows), self.drawn_task, rows or slice(0, self.rows)
        stored = [text.parse(question, task).stored for question in self.wrong]
        known = text.operands(task, text.to_codes(stored, task.question_width))
        share = int(SHARE * self.batch_size)
        for step in range(count):
            generator = np.random.default_rng([self.seed, first + step])
            chosen = generator.integers(np.where(np.arange(share) % 2, self.newest, len(self.wrong)))
            operands = tuple(_varied(side[:, chosen], task.digits, generator) for side in known)
            # Where a question may be in the validation set, what was drawn stays.
            taken = np.flatnonzero(~self._left_out(operands))
            taken = taken[(taken >= rows.start) & (taken < rows.stop)]
            operands = tuple(side[:, taken] for side in operands)
            drawn.questions[step, taken - rows.start] = text.questions(task, *operands)
            drawn.answers[step, taken - rows.start] = text.answers(task, *operands)
        return drawn


def _varied(numbers: np.ndarray, digits: int, generator: np.random.Generator) -> np.ndarray:
    """Numbers of at most ``MOST_DIGITS``, uint64 [words, numbers]; in half of them one digit, or one more, is another.

    So all that changes is in the first word, which is the least significant one.
    """
    low = numbers[:1]
    places = np.uint64(10) ** generator.integers(min(digits, MOST_DIGITS + 1), size=low.shape).astype(np.uint64)
    changed = generator.integers(10, size=low.shape).astype(np.uint64)
    others = low + (changed - low // places % np.uint64(10)) * places
    return np.concatenate([np.where(generator.random(low.shape) < 0.5, others, low), numbers[1:]])


def mend(loop: Loop, restore: Restore, make: Callable[[Stream, int], Learner], stream: Stream) -> None:
    """Proves the best model of a training that has ended; while that fails, trains on, at most ``prove`` rounds.

    Each round is an epoch of its own in the history. ``restore`` gives the best model on the strings of a task, and
    ``make`` a learner of a stream, with the steps until its learning rate is zero.

    Raises WriteError as ``prove``; DivergedError if a weight is no longer a number.
    """
    exact = loop.state.history[loop.state.best_epoch - 1]["val_exact_match"]
    if exact < NEARLY_RIGHT:
        say(f"note: not proved, for the exact match is below {NEARLY_RIGHT:g}")
        return
    weights: dict[str, np.ndarray] = {}
    run, known, least = loop.run, list[str](), np.inf
    done = loop.state.history[-1]["round"]  # before this run was stopped, or with fewer rounds
    for number in range(min(done, loop.config.prove), loop.config.prove + 1):
        try:
            proof, found = prove(run, restore)
        except InputError as error:  # the training has ended well, whatever can be proved of it
            say(f"note: not proved: {error}")
            return
        say(wrapped(str(proof)))
        if proof.holds or not _has_rounds(run.task):
            return
        # A round that has made more wrong is undone: the next one begins where the fewest cases were wrong.
        is_worse = proof.wrong + proof.near >= least
        if not is_worse:
            least, (weights, _) = proof.wrong + proof.near, checkpoints.load(run.best)
        if number == loop.config.prove:
            if is_worse:
                checkpoints.assign(loop.learner.model.variables, weights, run.best)
                loop.undo_round()
                say(wrapped(f"undone: {prove(run, restore)[0]}"))
            return
        # With more blanks behind it, a question may be answered in another way, and is told once more.
        newest = list(dict.fromkeys(each.question for each in found if _digits(each.question) <= MOST_DIGITS))
        known = list(dict.fromkeys([*newest, *known]))
        if not known:
            return
        say(f"round {number + 1} of {loop.config.prove}: {STEPS} steps with {len(newest):,} questions of these cases")
        seed = stream.seed + 10**6 * (len(loop.state.history) + 1)
        length = max(max(map(_digits, known)) + 1, run.task.digits)
        how = stream.task, stream.cutoff, stream.batch_size, stream.multiple, seed, length
        mixed = Mixed(*how, wrong=tuple(known), newest=len(newest) or len(known))
        learner = make(mixed, STEPS)
        checkpoints.assign(learner.model.variables, weights, run.best)
        started = time.monotonic()
        outcomes = _trained(loop, learner, mixed)
        loop.add_round(STEPS, outcomes, time.monotonic() - started)


def _trained(loop: Loop, learner: Learner, batches: Mixed) -> dict[str, np.ndarray]:
    """Trains a round, gives the weights to the learner of the loop, and returns the outcomes of the steps."""
    outcomes, step = [], 0
    with progress(f"{loop.run.task.name}, mending", STEPS) as report_progress:
        while step < STEPS:
            count = min(learner.steps_per_call(batches), STEPS - step)
            outcomes.append(learner.train(batches, step, count))
            step += count
            report_progress(step, f"loss {outcomes[-1]['loss'].mean():.4f}")
    for target, source in zip(loop.learner.model.variables, learner.model.variables, strict=True):
        target.assign(np.asarray(source))
    return {name: np.concatenate([each[name] for each in outcomes]) for name in outcomes[0]}


def _has_rounds(task: Task) -> bool:
    """Whether a question of the task stays one when a digit changes: only its file knows it of a task of one's own."""
    return task.operation.transducer is not None and task.name in BUILT_IN


def _digits(question: str) -> int:
    """The digits of the longer operand."""
    return max(map(len, re.split("[+-]", question)))
