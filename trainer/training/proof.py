"""From a run to a proof that its model is right at every length, or to the questions that it answers wrong.

What a proof rests on, beside this code: that the view shows the digits in pairs, which is tested; and that the network
computes in float32, and not in a GPU's TF32, which ``witness`` compares with the tables.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np

from seq2seq_arith import __version__
from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import ReportProgress, progress
from seq2seq_arith.trainer.proving import automata
from seq2seq_arith.trainer.proving.automata import TooLargeError
from seq2seq_arith.trainer.proving.questions import BLANK, DIGITS, QUESTIONS, pairs
from seq2seq_arith.trainer.proving.tables import Cases, LatchTagger, SmallAdder, Tables, UncertainError, Weights
from seq2seq_arith.trainer.runs import checkpoints, proofs
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.learner import Learner

# From a task to the model on its strings.
Restore = Callable[[Task], Learner]
# The weights by which each kind of network is known.
KINDS: Mapping[str, Callable[[Weights, str], Tables]] = {
    "settings_0/kernel": LatchTagger,
    "carry/kernel": SmallAdder,
}
# Questions of these numbers of digits, beside the run's own, are asked of the network itself, so many of each.
WITNESS_DIGITS, WITNESSES = (12, 200), 300
MOST_KINDS = 10_000  # of wrong cases are told by a question


@dataclasses.dataclass(frozen=True)
class Wrong:
    """The shortest question of one kind that is answered wrong: as people write it, with the model's answer."""

    question: str
    answer: str
    prediction: str


def tables_of(run: Run, weights: Weights) -> Tables:
    """The weights of a run's model as tables; raises InputError if it is not one that can be proved."""
    model, task = run.config.model, run.task
    kinds = [kind for name, kind in KINDS.items() if name in weights]
    if task.name not in QUESTIONS or model.view != "aligned" or not kinds:
        raise InputError(
            f"{run.place} is a run of {task.name} by {model.name}, view {model.view}, which cannot be proved; give one "
            f"of {' or '.join(QUESTIONS)} by latch_tagger or examples/small_adder.py, view aligned"
        )
    if run.config.precision != "float32":
        raise InputError(f"{run.place} computes in {run.config.precision}; give a run of --precision float32")
    try:
        return kinds[0](weights, task.alphabet)
    except (KeyError, ValueError, IndexError):
        raise InputError(f"{run.place} has a layer of another shape than the networks that can be proved") from None


def prove(run: Run, restore: Restore) -> tuple[Proof, list[Wrong]]:
    """Checks every case that the best model of a run can meet, and writes ``proof.json`` into its folder.

    ``restore`` gives the network itself, which is asked when nothing is wrong.

    Returns:
      The proof, and the shortest question of each case that is wrong, or so near to it that rounding may decide, the
      shortest first; none if all is proved.

    Raises:
      InputError: The run has no checkpoint, or its model cannot be treated.
      WriteError: The file cannot be written.
    """
    started = time.monotonic()
    sha256 = proofs.sha256(run)
    weights, _ = checkpoints.load(run.best)
    tables = tables_of(run, weights)
    try:
        cases = tables.cases(QUESTIONS[run.task.name](run.task.alphabet))
    except (TooLargeError, UncertainError) as error:
        why = "has too many states" if isinstance(error, TooLargeError) else "has gates that rounding may open or close"
        raise InputError(
            f"the model of {run.place} {why}, so it cannot be proved; train one with fewer --hidden units, or longer"
        ) from None
    asked, case = automata.distinct(np.stack([cases.window, cases.automaton.right], axis=1))
    with progress(f"{run.task.name}, proof", len(asked), "cases") as report_progress:
        margins = _margins(tables, cases, asked, report_progress)
    # The right logit and the highest other one can each be wrong by the bound.
    wrong = np.flatnonzero(margins <= 2 * tables.bound)
    proof = Proof(
        task=run.task.name,
        weights_sha256=sha256,
        states=cases.states,
        cases=len(asked),
        wrong=int(np.count_nonzero(margins <= 0)),
        near=int(np.count_nonzero(margins[wrong] > 0)),
        margin=round(float(margins.min()), 6),
        bound=float(f"{tables.bound:.3g}"),
        seconds=round(time.monotonic() - started, 3),
        version=__version__,
    )
    if not len(wrong):
        _ask_network(run, tables, restore)
    transitions = np.flatnonzero(np.isin(case, wrong))
    _, first = np.unique(case[transitions], return_index=True)
    strings = automata.shortest(cases.automaton, transitions[first])[:MOST_KINDS]
    # First what is really answered wrong; of the other questions, rounding may decide.
    found = sorted(
        dict.fromkeys(_wrong(run.task, tables, symbols) for symbols in strings),
        key=lambda each: each.prediction == each.answer,
    )
    proof = dataclasses.replace(proof, counterexample=dataclasses.asdict(found[0]) if found else None)
    if not run.is_shipped:
        proofs.write(run, proof)
    return proof, found


def _margins(tables: Tables, cases: Cases, asked: np.ndarray, report_progress: ReportProgress) -> np.ndarray:
    """By how much the right logit is above all others, float64 [cases]; a case is a window and what is right there."""
    margins: list[np.ndarray] = []
    done = 0
    for logits in tables.logits(cases, cases.windows[asked[:, 0]]):
        rows, right = np.arange(len(logits)), asked[done : done + len(logits), 1]
        of_right = logits[rows, right]
        logits[rows, right] = -np.inf
        margins.append(of_right - logits.max(axis=1))
        done += len(logits)
        report_progress(done)
    return np.concatenate(margins)


def _ask_network(run: Run, tables: Tables, restore: Restore) -> None:
    """Raises InputError if the network does not compute what the tables say, as one of changed code would not."""
    for digits in sorted({run.task.digits, *WITNESS_DIGITS}):
        difference = witness(restore(run.task_of_length(digits)), tables, WITNESSES, seed=digits)
        if difference > tables.bound:
            raise InputError(
                f"the model of {run.place} does not compute what its weights say (logits differ by {difference:.3g}, "
                f"and rounding explains {tables.bound:.2g}), so it cannot be proved; give a run of the network as it is"
            )


def witness(learner: Learner, tables: Tables, questions: int, seed: int) -> float:
    """Compares a network with its tables on random questions of its task's length, of which half have long carries.

    Returns:
      The largest difference of logits; infinity if an id differs.
    """
    view, generator, difference = learner.view, np.random.default_rng(seed), 0.0
    for start in range(0, questions, WITNESSES):
        numbers = range(start, min(start + WITNESSES, questions))
        stored = [text.stored(view.task, *_operands(view.task, generator, number % 2 == 0)) for number in numbers]
        codes = np.frombuffer("".join(stored).encode(), np.uint8).reshape(len(stored), -1)
        ids = np.asarray(view.encode_question(codes))
        right = view.encode_answer(text.answers(view.task, *text.operands(view.task, codes)))
        there, found = learner.network.compare(ids, right)
        here = tables.answered(np.array([len(DIGITS + BLANK), 1]) @ _digits(view.task, ids))
        is_equal = np.array_equal(here.argmax(axis=2), there)
        difference = max(difference, float(np.abs(here - np.asarray(found)).max()) if is_equal else np.inf)
    return difference


def _digits(task: Task, ids: np.ndarray) -> np.ndarray:
    """Ids of pairs as the numbers of digits, 10 for a blank: int64 [questions, 2, steps]."""
    numbers = np.array([(DIGITS + BLANK).find(character) for character in task.alphabet])
    return numbers[np.swapaxes(ids, 1, 2)]


def _operands(task: Task, generator: np.random.Generator, is_random: bool) -> list[str]:
    """Two operands of random lengths; if not random, the second makes nines with the first, or is the first."""
    left, right = (generator.integers(10, size=generator.integers(1, task.digits + 1)) for _ in range(2))
    if not is_random:
        right = (9 - left, left)[generator.integers(2)]
        right[: generator.integers(len(right))] = generator.integers(10)
    return ["".join(map(str, digits)).lstrip("0") or "0" for digits in (left, right)]


def _wrong(task: Task, tables: Tables, symbols: np.ndarray) -> Wrong:
    """A question that is answered wrong, of the symbols of its steps."""
    columns = [pairs()[symbol] for symbol in symbols]
    left, right = ("".join(column[side] for column in reversed(columns)).strip() for side in range(2))
    question = text.parse(f"{left}{task.operation.symbol}{right}", task, task.operation.max_digits)
    ids = tables.answered(symbols[np.newaxis])[0].argmax(axis=1)
    written = "".join(task.alphabet[number] for number in reversed(ids))
    return Wrong(question.given, text.answer(question), written.strip())
