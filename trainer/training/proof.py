"""From a run to a proof that its model is always right, or to the questions that it answers wrong.

What a proof rests on, beside this code: that the view shows the digits in pairs, which is tested; and that the network
computes in float32, and not in a GPU's TF32, which ``witness`` compares with the tables.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from seq2seq_arith import __version__
from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.data import probes
from seq2seq_arith.trainer.data.views import View
from seq2seq_arith.trainer.proving import automata
from seq2seq_arith.trainer.proving.automata import TooLargeError
from seq2seq_arith.trainer.proving.questions import BLANK, COUNTED, DIGITS, OWN_QUESTIONS, QUESTIONS, pairs
from seq2seq_arith.trainer.proving.tables import LatchTagger, SmallAdder, Tables, UncertainError, Weights, counter_bound
from seq2seq_arith.trainer.runs import checkpoints, proofs
from seq2seq_arith.trainer.runs.files import write_json
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.samples import Sample
from seq2seq_arith.trainer.training.learner import Learner

# From a task to the model on its strings.
Restore = Callable[[Task], Learner]
# The weights by which each kind of network is known.
KINDS: Mapping[str, Callable[[Weights, str], Tables]] = {"settings_0/kernel": LatchTagger, "carry/kernel": SmallAdder}
# Questions of these numbers of digits, beside the run's own, are asked of the network itself, so many of each.
WITNESS_DIGITS, WITNESSES = (12, 200), 300
MOST_KINDS = 10_000  # of wrong cases are told by a question
SUMS = 100  # of pq are proved at a time
# What was checked: by how much the right logit of each case is above all others, float64 [cases]; how far a float32
# logit can be from that of the case; how many states the network has; and a function from the numbers of cases to the
# shortest question of each, the shortest first.
Checked = tuple[np.ndarray, float, int, Callable[[np.ndarray], list[Sample]]]


def tables_of(run: Run, weights: Weights) -> Tables:
    """The weights of a run's model as tables; raises InputError if it is not one that can be proved."""
    model, task = run.config.model, run.task
    kinds = [kind for name, kind in KINDS.items() if name in weights]
    if not kinds or not (task.name in OWN_QUESTIONS or (task.name in QUESTIONS and model.view == "aligned")):
        raise InputError(
            f"{run.place} is a run of {task.name} by {model.name}, view {model.view}, which cannot be proved; give one "
            f"of {' or '.join(QUESTIONS)} by latch_tagger or examples/small_adder.py, view aligned, or of pq by counter"
        )
    if run.config.precision != "float32":
        raise InputError(f"{run.place} computes in {run.config.precision}; give a run of --precision float32")
    try:
        return kinds[0](weights, task.alphabet)
    except (KeyError, ValueError, IndexError):
        raise InputError(f"{run.place} has a layer of another shape than the networks that can be proved") from None


def prove(run: Run, restore: Restore) -> tuple[Proof, list[Sample]]:
    """Checks every case that the best model of a run can meet, and writes ``proof.json`` into its folder.

    ``restore`` gives the network itself, which is asked when nothing is wrong.

    Returns the proof, and the shortest question of each case that is wrong, or so near to it that rounding may decide,
    the shortest first; none if all is proved.

    Raises InputError if the run has no checkpoint, or its model cannot be treated; WriteError if the file cannot be
    written.
    """
    started, sha256 = time.monotonic(), proofs.sha256(run)
    weights, _ = checkpoints.load(run.best)
    is_counter = (run.task.name, run.config.model.name, run.config.model.view) == (*COUNTED, "raw")
    margins, bound, states, find = (_of_sums if is_counter else _of_tables)(run, weights, restore)
    wrong = np.flatnonzero(margins <= 2 * bound)
    # First what is really answered wrong; of the other questions, rounding may decide.
    found = sorted(dict.fromkeys(find(wrong)), key=lambda each: each.right)
    proof = Proof(
        task=run.task.name,
        weights_sha256=sha256,
        states=states,
        cases=len(margins),
        wrong=int(np.count_nonzero(margins <= 0)),
        near=int(np.count_nonzero(margins[wrong] > 0)),
        margin=math.floor(1e6 * margins.min()) / 1e6,
        bound=math.ceil(1e5 * bound) / 1e5,
        seconds=round(time.monotonic() - started, 3),
        version=__version__,
        counterexample=dataclasses.asdict(found[0]) if found else None,
        dashes=run.task.digits if is_counter else None,
    )
    if not run.is_shipped:
        write_json(run.proof, proof.to_json())
    return proof, found


def _of_tables(run: Run, weights: Weights, restore: Restore) -> Checked:
    """All cases that some question of any length has; the network is asked, too, when none is wrong."""
    tables = tables_of(run, weights)
    if run.task.name in OWN_QUESTIONS:
        _check_own(restore(run.task).view)
    try:
        cases = tables.cases((QUESTIONS | OWN_QUESTIONS)[run.task.name](run.task.alphabet))
    except (TooLargeError, UncertainError) as error:
        why = "has too many states" if isinstance(error, TooLargeError) else "has gates that rounding may open or close"
        raise InputError(
            f"the model of {run.place} {why}, so it cannot be proved; train one with fewer --hidden units, or longer"
        ) from None
    asked, case = automata.distinct(np.stack([cases.window, cases.automaton.right], axis=1))
    parts, done = list[np.ndarray](), 0
    with progress(f"{run.task.name}, proof", len(asked), "cases") as report_progress:
        for logits in tables.logits(cases, cases.windows[asked[:, 0]]):
            parts.append(_above(logits, asked[done : done + len(logits), 1]))
            done += len(logits)
            report_progress(done)
    margins = np.concatenate(parts)
    # The right logit and the highest other one can each be wrong by the bound.
    if margins.min() > 2 * tables.bound:
        _ask_network(run, tables, restore)

    def find(wrong: np.ndarray) -> list[Sample]:
        transitions = np.flatnonzero(np.isin(case, wrong))
        strings = automata.shortest(cases.automaton, transitions, case[transitions], MOST_KINDS)
        return [_wrong(run.task, tables, symbols) for symbols in strings]

    return margins, tables.bound, cases.states, find


def _check_own(view: View) -> None:
    """Raises InputError unless a task and a view of one's own are those that ``times_digit`` knows."""
    task, generator = view.task, np.random.default_rng(0)
    operands = [_operands(task, generator, True) for _ in range(WITNESSES)]
    asked = probes.asked(task, [text.stored(task, *pair) for pair in operands])
    ids = np.asarray(view.encode_question(asked.questions))
    shown = ["".join(task.alphabet[number] for number in row) for row in ids.reshape(len(ids), -1)]
    steps = ids.shape[1]
    columns = [zip(left[::-1].ljust(steps), digit * steps, strict=True) for left, digit in operands]
    products = [str(int(left) * int(digit)) for left, digit in operands]
    told = [answer.strip() for answer in text.to_strings(asked.answers)]
    if shown != ["".join(map("".join, each)) for each in columns] or told != products:
        raise InputError(
            f"{task.name} can be proved as the task of examples/times_digit.py, which shows the digit at every step; "
            "give a run of that file, with --view examples/digit_view.py:RepeatedDigit"
        )


def _of_sums(run: Run, weights: Weights, restore: Restore) -> Checked:
    """All steps of pq's answers: a counter reads no more of a question than how many dashes it has.

    So it answers all questions of one sum alike, and the network itself is asked one of each. Others are, too, for a
    counter of changed code may read more.
    """
    task, learner = run.task, restore(run.task)
    sums = np.arange(2, 2 * task.digits + 1)
    first = np.maximum(1, sums - task.digits)
    generator = np.random.default_rng(0)
    # The logits of two questions of a sum, of which one is asked, may each be off by a counter's bound.
    bound = 2 * counter_bound(weights, len(task.alphabet), task.question_width)
    margins, answers, predictions = list[np.ndarray](), list[str](), list[str]()
    with progress(f"{task.name}, proof", len(sums), "sums") as report_progress:
        for start in range(0, len(sums), SUMS):
            total, left = sums[start : start + SUMS], first[start : start + SUMS]
            other = generator.integers(left, total - left + 1)
            (here, right), (there, _) = (_asked(learner, task, (side, total - side)) for side in (left, other))
            if np.abs(here - there).max() > bound:
                raise InputError(
                    f"the model of {run.place} does not answer questions of one sum alike, so it cannot be proved; "
                    "give a run of the counter as it is"
                )
            ids = here.argmax(axis=2)
            margins.append(_above(here, right).reshape(-1))
            for known, found in ((answers, right), (predictions, ids)):
                known += ["".join(task.alphabet[number] for number in row).strip() for row in found]
            report_progress(start + len(total))

    def find(wrong: np.ndarray) -> list[Sample]:
        rows = np.unique(wrong // task.answer_width)[:MOST_KINDS]
        operands = [("-" * first[row], "-" * (sums[row] - first[row])) for row in rows]
        return [
            Sample(task.operation.symbol.join(pair), answers[row], predictions[row])
            for row, pair in zip(rows, operands, strict=True)
        ]

    return np.concatenate(margins), bound, len(sums), find


def _asked(learner: Learner, task: Task, operands: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The network's logits of questions, float64 [questions, steps, characters], and the ids that are right."""
    sides = tuple(side[np.newaxis].astype(np.uint64) for side in operands)
    right = np.asarray(learner.view.encode_answer(text.answers(task, *sides)))
    _, logits = learner.network.compare(learner.view.encode_question(text.questions(task, *sides)), right)
    return np.asarray(logits).astype(np.float64), right


def _above(logits: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By how much the right logits, int64 ids [...], are above all others of [..., characters], which are changed."""
    right = right[..., np.newaxis]
    of_right = np.take_along_axis(logits, right, axis=-1)[..., 0]
    np.put_along_axis(logits, right, -np.inf, axis=-1)
    return of_right - logits.max(axis=-1)


def _ask_network(run: Run, tables: Tables, restore: Restore) -> None:
    """Raises InputError if the network does not compute what the tables say, as one of changed code would not."""
    for digits in sorted({run.task.digits, *WITNESS_DIGITS}):
        difference = witness(restore(run.task_of_length(digits)), tables, seed=digits)
        if difference > tables.bound:
            raise InputError(
                f"the model of {run.place} does not compute what its weights say (logits differ by {difference:.3g}, "
                f"and rounding explains {tables.bound:.2g}), so it cannot be proved; give a run of the network as it is"
            )


def witness(learner: Learner, tables: Tables, seed: int) -> float:
    """The largest difference between the logits of a network and of its tables, infinity if an id differs.

    They are asked ``WITNESSES`` random questions of its task's length, of which half have long carries.
    """
    view, generator = learner.view, np.random.default_rng(seed)
    task = view.task
    asked = probes.asked(task, [text.stored(task, *_operands(task, generator, n % 2 == 0)) for n in range(WITNESSES)])
    ids = np.asarray(view.encode_question(asked.questions))
    there, _ = learner.network.answer(ids)
    found = learner.network.logits(ids, view.encode_answer(asked.answers), training=False)
    numbers = np.array([(DIGITS + BLANK).find(character) for character in task.alphabet])
    here = tables.answered(np.array([len(DIGITS + BLANK), 1]) @ numbers[np.swapaxes(ids, 1, 2)])
    is_equal = np.array_equal(here.argmax(axis=2), there)
    return float(np.abs(here - np.asarray(found)).max()) if is_equal else np.inf


def _operands(task: Task, generator: np.random.Generator, is_random: bool) -> list[str]:
    """Two operands of random lengths; if not random, the second makes nines with the first, or is the first."""
    left, right = (generator.integers(10, size=generator.integers(1, task.digits + 1)) for _ in range(2))
    if not is_random:
        right = (9 - left, left)[generator.integers(2)]
        right[: generator.integers(len(right))] = generator.integers(10)
    right = right[:1] if task.name in OWN_QUESTIONS else right
    return ["".join(map(str, digits)).lstrip("0") or "0" for digits in (left, right)]


def _wrong(task: Task, tables: Tables, symbols: np.ndarray) -> Sample:
    """A question that is answered wrong, of the symbols of its steps."""
    columns = [pairs()[symbol] for symbol in symbols]
    left, right = ("".join(column[side] for column in reversed(columns)).strip() for side in range(2))
    right = right[:1] if task.name in OWN_QUESTIONS else right
    question = text.parse(f"{left}{task.operation.symbol}{right}", task, task.operation.max_digits)
    ids = tables.answered(symbols[np.newaxis])[0].argmax(axis=1)
    written = "".join(task.alphabet[number] for number in reversed(ids))
    return Sample(question.given, text.answer(question), written.strip())
