"""From a run to a proof that its model is always right, or to the questions that it answers wrong.

A proof has two assumptions, besides this code: the input format shows the columns that the task's transducer reads, and
the network computes in float32, not in a GPU's TF32. Both are checked on some questions: ``check_questions``.
"""

import dataclasses
import functools
import hashlib
import io
import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from seq2seq_arith.arithmetic import draws, numbers, suites, text
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.version import __version__
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import InputFormat, make_input_format
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.models.network import up_to
from seq2seq_arith.trainer.proving import automata, boxes, networks, windowed
from seq2seq_arith.trainer.proving.automata import TooLargeError
from seq2seq_arith.trainer.proving.boxes import GatedUnits
from seq2seq_arith.trainer.proving.questions import PAIRS, Automaton, pair_ids, question_states, symbols
from seq2seq_arith.trainer.proving.tables import RangeError, Tables, UncertainError, Weights, above, counter_bound
from seq2seq_arith.trainer.proving.windowed import WindowedTransformer
from seq2seq_arith.trainer.runs import checkpoints, proofs
from seq2seq_arith.trainer.runs.files import write, write_json
from seq2seq_arith.trainer.runs.proofs import Counterexample, Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.answerers import TablesAnswerer, evaluator
from seq2seq_arith.trainer.training.building import input_format_of
from seq2seq_arith.trainer.training.learner import Learner

# From a task to the model on its strings.
Restore = Callable[[Task], Learner]
# The network itself answers about this number of questions of each length: the run's own, and these. It also answers
# all questions of so few digits.
CHECK_QUESTIONS, CHECK_DIGITS, CHECK_ALL_DIGITS = 300, (12, 200), 2
MAX_KINDS = 10_000  # the maximum number of wrong cases for which a question is reported
SUMS = 100  # the number of sums of pq that are proved at a time
MAX_COMPARED = 2**22  # pairs of characters that a network compares at a time


@dataclasses.dataclass(frozen=True)
class Checked:
    """All cases of a model."""

    margins: np.ndarray  # the margin of the right logit over all others, float64 [cases]
    bound: float | np.ndarray  # the maximum error of a float32 logit, or that in each case, float64 [cases]
    states: int  # the number of states of the network
    # From the numbers of some cases to a question of each, sorted by length, and the columns that it has there if that
    # is not how ``predict`` shows it.
    questions: Callable[[np.ndarray], list[tuple[str, int | None]]]
    certificate: dict[str, np.ndarray] | None = None  # what ``proving/check`` reads
    is_shortest: bool = True  # whether those questions are shortest ones, and not those that a search found


@dataclasses.dataclass(frozen=True)
class Proved:
    """What ``prove`` found about a run, which ``save`` writes into its folder.

    Attributes:
      run: The run.
      proof: Its proof.
      counterexamples: A question for each case that is wrong or within the rounding error, sorted by length;
        none if the proof holds.
      certificate: The content of ``certificate.npz``; None if the proof does not hold, or its task is custom.
    """

    run: Run
    proof: Proof
    counterexamples: list[Counterexample]
    certificate: bytes | None

    def save(self) -> None:
        """Writes ``certificate.npz`` and ``proof.json``, but not into the package; raises WriteError if that fails."""
        if self.run.is_pretrained:
            return
        if self.certificate is not None:
            write(self.run.certificate, self.certificate)
        write_json(self.run.proof, self.proof.to_json())


def tables_of(run: Run, weights: Weights) -> Tables | WindowedTransformer | GatedUnits | None:
    """The weights of a run's model as tables, None for a counter; raises InputError if the model cannot be proved."""
    if reason := networks.why_not(run.task, run.config):
        raise InputError(f"{run.place}: {reason}; give a run of such a model")
    network = networks.find(run.task, run.config, weights)
    error = InputError(
        f"{run.place} does not have the layers of a network that can be proved; give a run of: {networks.provable()}"
    )
    if network is None:
        raise error
    try:
        return network.tables and network.tables(weights, input_format_of(run.config, run.task).alphabet)
    except (KeyError, ValueError, IndexError):  # a layer is missing, or has another shape
        raise error from None
    except RangeError:
        raise _too_large(run) from None


def _too_large(run: Run) -> InputError:
    """The input error for a model whose sums float32 may not hold."""
    return InputError(
        f"the model of {run.place} has weights so large that a sum in float32 can overflow, so it cannot be proved; "
        "train it with a smaller --learning-rate, or with more --weight-decay"
    )


def prove(run: Run, restore: Restore) -> Proved:
    """Checks every case that the best model of a run can meet; writes nothing.

    ``restore`` returns the network itself, which answers some questions if no case is wrong.

    Raises InputError if the run has no checkpoint, or its model cannot be proved.
    """
    started, sha256, config_sha256 = time.monotonic(), proofs.sha256(run), proofs.config_sha256(run)
    weights, _ = checkpoints.load(run.best)
    tables = tables_of(run, weights)
    # Nobody can choose the weights so that the network is wrong only where it is not asked.
    seed = int(sha256[:8], 16)
    if tables is None:
        checked = _of_sums(run, weights, restore, seed)
    elif isinstance(tables, WindowedTransformer):
        checked = _of_windows(run, tables, restore, seed)
    elif isinstance(tables, GatedUnits):
        checked = _of_boxes(run, tables, restore, seed)
    else:
        checked = _of_tables(run, tables, restore, seed)
    margins, bound = checked.margins, checked.bound
    wrong = np.flatnonzero(~(margins > 2 * bound))
    # First the questions that are answered wrong, then those for which rounding may decide.
    shortest = _answered(run, weights, restore, checked.questions(wrong)) if len(wrong) else []
    samples = sorted(shortest, key=lambda sample: sample.right)
    rounding = None
    if isinstance(bound, np.ndarray) and not samples:
        rounding = math.ceil(1e3 * float((2 * bound / margins).max())) / 1e3
    undecided = int(np.count_nonzero(margins[wrong] > 0))
    certificate = None
    if checked.certificate and not samples and run.task.own is None:
        np.savez_compressed(file := io.BytesIO(), **checked.certificate)  # pyright: ignore
        certificate = file.getvalue()
    proof = Proof(
        task=run.task.name,
        prover=proofs.PROVER,
        weights_sha256=sha256,
        config_sha256=config_sha256,
        states=checked.states,
        cases=len(margins),
        wrong=int(np.count_nonzero(margins <= 0)),
        near=undecided if checked.is_shortest else 0,
        open=None if checked.is_shortest else undecided,  # of boxes
        margin=math.floor(1e6 * margins.min()) / 1e6,
        bound=math.ceil(1e5 * float(np.max(bound))) / 1e5,
        rounding=rounding,
        seconds=round(time.monotonic() - started, 3),
        version=__version__,
        counterexample=samples[0] if samples else None,
        is_shortest=not samples or (checked.is_shortest and samples[0] == shortest[0]),
        certificate_sha256=hashlib.sha256(certificate).hexdigest() if certificate else None,
        dashes=run.task.size if tables is None else None,
    )
    return Proved(run, proof, samples, certificate)


def _of_tables(run: Run, tables: Tables, restore: Restore, seed: int) -> Checked:
    """All cases of questions of any length; if none is wrong, the network itself is compared with its tables."""
    (questions, states), input_format = question_states(run.task), input_format_of(run.config, run.task)
    _check_columns(run, input_format, questions, seed)
    try:
        # The number of transitions is not known before: the total is the limit.
        with progress(
            f"{run.task.name}, exploration", automata.MAX_TRANSITIONS, "transitions (limit)"
        ) as report_progress:
            cases = tables.cases(questions, report_progress)
    except TooLargeError:
        raise InputError(
            f"the model of {run.place} has more than {automata.MAX_TRANSITIONS:,} transitions between its states, the "
            "limit of a proof, which is usual after little training; train it longer, or with fewer --hidden units"
        ) from None
    except RangeError:
        raise _too_large(run) from None
    except UncertainError:
        raise InputError(
            f"the model of {run.place} has gates that rounding may open or close, so it cannot be proved; train it "
            "longer, or with fewer --hidden units"
        ) from None
    # int64 [cases, 2]: a window and the right character; and the case of each transition.
    windows, case = automata.distinct(np.stack([cases.window, cases.automaton.right], axis=1))
    parts, done = list[np.ndarray](), 0
    with progress(f"{run.task.name}, proof", len(windows), "cases") as report_progress:
        for logits in tables.logits(cases, cases.windows[windows[:, 0]]):
            parts.append(above(logits, windows[done : done + len(logits), 1]))
            done += len(logits)
            report_progress(done)
    margins = np.concatenate(parts)
    # The right logit and the highest other one can each have an error of the bound.
    if margins.min() > 2 * tables.bound:
        _check_network(run, restore, seed, functools.partial(largest_difference, tables), tables.bound)

    def shortest(wrong: np.ndarray) -> list[tuple[str, int | None]]:
        transitions = np.flatnonzero(np.isin(case, wrong))
        # Shorter questions are padded to the width of the dataset.
        width = input_format.question_shape[0]
        strings = automata.shortest(cases.automaton, transitions, case[transitions], MAX_KINDS, width)
        return _written(run, input_format, strings)

    certificate = cases.certificate | {"questions": states}
    return Checked(margins, tables.bound, cases.states, shortest, certificate)


def _check_columns(run: Run, input_format: InputFormat, questions: Automaton, seed: int) -> None:
    """Raises InputError unless the format shows questions of the run's length as its task's transducer reads them."""
    examples, alphabet = check_questions(run.task, seed), run.task.alphabet
    ids, right = (
        np.asarray(part)
        for part in (input_format.encode_question(examples.questions), input_format.encode_answer(examples.answers))
    )
    is_paired = ids.shape == (*right.shape, 2) and input_format.alphabet == alphabet
    if not is_paired or not questions.accepts(symbols(ids, alphabet), right).all():
        raise InputError(
            f"the input format {input_format.name} does not show {run.task.name} in the columns that this task's "
            "transducer reads, or has other right answers, so its models cannot be proved; give a run with the input "
            "format of these columns"
        )


def _of_windows(run: Run, network: WindowedTransformer, restore: Restore, seed: int) -> Checked:
    """All windows of questions of any length; if none is wrong, the network itself is compared with their logits."""
    questions, _ = question_states(run.task)
    cases = sum(len(windows.rows) for windows in windowed.all_windows(questions, network.alphabet))
    margins, bounds, done, counts = np.empty(cases), np.empty(cases), 0, list[list[int]]()
    with progress(f"{run.task.name}, proof", cases, "cases") as report_progress:
        for windows in windowed.all_windows(questions, network.alphabet):
            start = done
            counts.append([*windows.rows[0, :2].tolist(), len(windows.rows)])
            try:
                for logits, of_part in network.logits(windows.rows):
                    part = slice(done - start, done - start + len(logits))
                    margin = above(logits, windows.right[part])
                    # Where the bound is just too large, a smaller one is computed; not where very many are wrong.
                    near = np.flatnonzero((margin > 0) & (margin <= 2 * of_part))[: windowed.MAX_REFINED]
                    refined = network.refined(windows.rows[part][near], windows.right[part][near])
                    of_part[near] = np.minimum(of_part[near], refined)
                    margins[done : done + len(logits)], bounds[done : done + len(logits)] = margin, of_part
                    done += len(logits)
                    report_progress(done)
            except RangeError:
                raise _too_large(run) from None
    bound = float(bounds.max())
    if not bound < windowed.MAX_BOUND:
        raise InputError(
            f"the model of {run.place} has sums so near to zero that the rounding error of float32 has no useful "
            "bound, so it cannot be proved; train it longer"
        )
    if (margins > 2 * bounds).all():
        _check_network(run, restore, seed, functools.partial(largest_difference_of_windows, network), bound)

    def shortest(wrong: np.ndarray) -> list[tuple[str, int | None]]:
        strings = windowed.shortest(questions, network.alphabet, wrong, MAX_KINDS)
        return [(question, None) for question, _ in _written(run, make_input_format("aligned", run.task), strings)]

    return Checked(margins, bounds, len(counts), shortest, {"windows": np.array(counts)})


def largest_difference_of_windows(network: WindowedTransformer, learner: Learner, examples: Examples) -> float:
    """As ``largest_difference``, of a transformer with an attention window and the logits of its windows."""
    input_format = learner.input_format
    task = input_format.task
    ids = np.asarray(input_format.encode_question(examples.questions))
    right = np.asarray(input_format.encode_answer(examples.answers)).astype(np.int64)
    counts = np.asarray(up_to(right, input_format.end))
    columns = symbols(np.asarray(make_input_format("aligned", task).encode_question(examples.questions)), task.alphabet)
    columns = np.pad(columns, ((0, 0), (0, 1)), constant_values=len(PAIRS) - 1)  # that of the EOS token
    largest = 0.0
    # Attention compares all characters with each other, so that few long questions fit into memory.
    batch = max(1, MAX_COMPARED // (ids.shape[1] + right.shape[1]) ** 2)
    for rows in (slice(first, first + batch) for first in range(0, len(ids), batch)):
        answer, logits = learner.network.compare(ids[rows], right[rows])
        if rows.start == 0:  # the others are written character by character only if one of their logits is wrong
            answer, _ = learner.network.answer(ids[rows])
        if not np.array_equal(np.asarray(answer)[counts[rows]], right[rows][counts[rows]]):
            return np.inf
        windows = windowed.windows_of(columns[rows], right[rows], input_format.alphabet)[counts[rows]]
        expected = np.concatenate([part for part, _ in network.logits(windows)])
        largest = max(largest, float(np.abs(np.asarray(logits)[counts[rows]] - expected).max()))
    return largest


def _of_boxes(run: Run, network: GatedUnits, restore: Restore, seed: int) -> Checked:
    """Boxes of all states of questions of any length; if all are right, the network itself is compared with them."""
    (questions, states), input_format = question_states(run.task), input_format_of(run.config, run.task)
    _check_columns(run, input_format, questions, seed)
    with progress(f"{run.task.name}, proof", boxes.MAX_SPLITS, "splits of boxes (limit)") as report_progress:
        verdict = boxes.decide(network, questions, report_progress)
    margins = verdict.margins
    if not len(verdict.open):
        difference_of = functools.partial(largest_difference_from_intervals, network)
        _check_network(run, restore, seed, difference_of, network.bound)
    elif not verdict.questions:
        raise InputError(
            f"the model of {run.place} has states for which {len(verdict.open):,} of {len(margins):,} answers stay "
            "open, and no question was found that it answers wrong, so it cannot be proved; train it longer, or "
            "with other --hidden units"
        )
    else:
        # What is open is too near to tell, except what a search found.
        margins[verdict.open] = np.clip(np.nan_to_num(margins[verdict.open]), np.nextafter(0, 1), 2 * network.bound)
        margins[verdict.wrong] = verdict.wrong_margins

    def found(_: np.ndarray) -> list[tuple[str, int | None]]:
        return [(question, None) for question, _ in _written(run, input_format, verdict.questions)]

    certificate = verdict.boxes.certificate() | {"questions": states}
    return Checked(margins, network.bound, len(verdict.boxes.origin), found, certificate, is_shortest=False)


def largest_difference_from_intervals(network: GatedUnits, learner: Learner, examples: Examples) -> float:
    """As ``largest_difference``, of a GRU and the intervals of the logits at its states."""
    input_format = learner.input_format
    ids = np.asarray(input_format.encode_question(examples.questions))
    right = np.asarray(input_format.encode_answer(examples.answers))
    answer, _ = learner.network.answer(ids)
    logits = np.asarray(learner.network.logits(ids, right, training=False))
    low, high = network.intervals(symbols(ids, input_format.task.alphabet))  # they include the bound
    is_right = np.isfinite(logits).all() and np.array_equal(answer, right)
    return float(np.maximum(low - logits, logits - high).max()) + network.bound if is_right else np.inf


def _of_sums(run: Run, weights: Weights, restore: Restore, seed: int) -> Checked:
    """All steps of pq's answers: the logits of a counter depend only on the number of dashes in the question.

    So it answers all questions of one sum alike, and the network itself answers one question per sum. It also answers a
    second one, because a counter with changed code may read more than the number of dashes.
    """
    task, learner = run.task, restore(run.task)
    sums = np.arange(2, 2 * task.size + 1)
    first = np.maximum(1, sums - task.size)
    generator = np.random.default_rng(seed)
    # The logits of two questions of one sum may each have an error of a counter's bound.
    try:
        bound = 2 * counter_bound(weights, _counts(learner, task, first, sums - first), task.answer_width)
    except RangeError:
        raise _too_large(run) from None
    margins = list[np.ndarray]()
    with progress(f"{task.name}, proof", len(sums), "sums") as report_progress:
        for start in range(0, len(sums), SUMS):
            total, left = sums[start : start + SUMS], first[start : start + SUMS]
            other = generator.integers(left, total - left + 1)
            (logits, right), (others, _) = (_logits(learner, task, (side, total - side)) for side in (left, other))
            if np.abs(logits - others).max() > bound:
                raise InputError(
                    f"the model of {run.place} does not answer questions of one sum alike, so it cannot be proved; "
                    "give a run of the unchanged counter"
                )
            margins.append(above(logits, right).reshape(-1))
            report_progress(start + len(total))

    def shortest(wrong: np.ndarray) -> list[tuple[str, int | None]]:
        rows = np.unique(wrong // task.answer_width)[:MAX_KINDS]
        pairs = zip(first[rows].tolist(), (sums - first)[rows].tolist(), strict=True)
        return [(task.operation.symbol.join("-" * dashes for dashes in pair), None) for pair in pairs]

    return Checked(np.concatenate(margins), bound, len(sums), shortest)


def _counts(learner: Learner, task: Task, *operands: np.ndarray) -> np.ndarray:
    """How often each question has each character, int64 [questions, characters]."""
    questions = text.questions(task, *(side[np.newaxis].astype(np.uint64) for side in operands))
    ids = np.asarray(learner.input_format.encode_question(questions))
    return np.stack([np.count_nonzero(ids == number, axis=1) for number in range(len(task.alphabet))], axis=1)


def _logits(learner: Learner, task: Task, operands: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The network's logits of questions, float64 [questions, steps, characters], and the ids of the right answers."""
    sides = tuple(side[np.newaxis].astype(np.uint64) for side in operands)
    right = np.asarray(learner.input_format.encode_answer(text.answers(task, *sides)))
    _, logits = learner.network.compare(learner.input_format.encode_question(text.questions(task, *sides)), right)
    return np.asarray(logits).astype(np.float64), right


def _check_network(
    run: Run, restore: Restore, seed: int, difference_of: Callable[[Learner, Examples], float], bound: float
) -> None:
    """Raises InputError if the network computes other logits than those proved, as one with changed code would.

    ``difference_of`` returns the largest difference between them for some questions.
    """
    for size in sorted({run.task.size, *CHECK_DIGITS}):
        learner = restore(run.task_of_length(size))
        parts = [check_questions(learner.input_format.task, seed)]
        if size == run.task.size and run.task.own is None:
            parts.append(short_questions(run.task, min(size, CHECK_ALL_DIGITS)))
        difference = max(difference_of(learner, examples) for examples in parts)
        if not difference <= bound:
            raise _other_function(run, difference, bound)


def _other_function(run: Run, difference: float, bound: float) -> InputError:
    """The input error for a network whose logits are not those of its weights."""
    return InputError(
        f"the model of {run.place} does not compute the function of its weights (logits differ by {difference:.3g}, "
        f"and rounding explains {bound:.2g}), so it cannot be proved; give a run of the unchanged network"
    )


def largest_difference(tables: Tables, learner: Learner, examples: Examples) -> float:
    """The largest difference between the logits of a network and of its tables, infinity if an id of an answer differs.

    Both answer the questions of the examples.
    """
    input_format = learner.input_format
    ids = np.asarray(input_format.encode_question(examples.questions))
    answer, _ = learner.network.answer(ids)
    logits = np.asarray(learner.network.logits(ids, input_format.encode_answer(examples.answers), training=False))
    expected = tables.answered(symbols(ids, input_format.task.alphabet))
    is_equal = np.array_equal(expected.argmax(axis=2), answer)
    return float(np.abs(expected - logits).max()) if is_equal else np.inf


def short_questions(task: Task, digits: int) -> Examples:
    """All questions of a decimal task whose operands have at most this number of digits."""
    operands = np.divmod(np.arange(10 ** (2 * digits)), 10**digits)
    words = task.notation.words(task.size)
    return question_sets.examples(task, tuple(numbers.from_ints(side.tolist(), words) for side in operands))


def check_questions(task: Task, seed: int) -> Examples:
    """About ``CHECK_QUESTIONS`` examples: half of them drawn as in the task's datasets, the others from its suite."""
    drawn = draws.operands(dataclasses.replace(task, seed=seed), np.arange(CHECK_QUESTIONS // 2, dtype=np.uint64))
    slices = task.operation.slices(STANDARD, task.size)
    count = -(-CHECK_QUESTIONS // (2 * max(1, len(slices))))
    hard = [pair for slice in slices for pair in suites.pairs(task.name, task.size, slice, seed, count)]
    words = task.notation.words(task.size)
    sides = (
        (numbers.from_ints(side, words) for side in zip(*hard, strict=True))
        if hard
        else (side[:, :0] for side in drawn)
    )
    return question_sets.examples(task, tuple(np.concatenate(side, axis=1) for side in zip(drawn, sides, strict=True)))


def _written(run: Run, input_format: InputFormat, strings: Sequence[np.ndarray]) -> list[tuple[str, int | None]]:
    """Questions from the symbols of their columns, int64 [columns] each; as people write them.

    With each is the number of its columns if ``predict`` shows it in another number of them, and otherwise None.
    """
    questions, ids_of = list[tuple[str, int | None]](), pair_ids(run.task.alphabet).astype(np.uint8)
    for columns, group in itertools.groupby(strings, len):
        # A task whose input format has at least these columns; the last column is repeated after a question.
        further = columns - input_format.question_shape[0]
        task = run.task_of_length(max(1, run.task.size + further))
        longer = input_format if task == run.task else input_format_of(run.config, task)
        padded = np.pad(np.stack(list(group)), ((0, 0), (0, longer.question_shape[0] - columns)), mode="edge")
        for question in text.to_strings(np.asarray(longer.decode_question(ids_of[padded]))):
            typed = text.written(question, task)
            is_shown = _task_of(run, typed).size == run.task.size + further
            questions.append((typed, None if is_shown else columns))
    return questions


def _task_of(run: Run, question: str) -> Task:
    """The task in whose strings ``predict`` shows a question."""
    longest = max(map(len, text.typed_operands(question, run.task)))
    return dataclasses.replace(run.task, size=max(longest, run.task.size))


def _answered(
    run: Run, weights: Weights, restore: Restore, questions: Sequence[tuple[str, int | None]]
) -> list[Counterexample]:
    """Questions of ``_written`` in their order, each with the answer of the model as ``predict`` gives it."""
    evaluate = evaluator(run, weights, is_proved=False)
    rows_of, samples = dict[Task, list[int]](), dict[int, Counterexample]()
    for row, (question, _) in enumerate(questions):
        rows_of.setdefault(_task_of(run, question), []).append(row)
    for task, rows in rows_of.items():
        network = functools.partial(restore, task)
        answerer = TablesAnswerer.of(run, task, evaluate, network) if evaluate else network()
        stored = [text.stored(task, *text.typed_operands(questions[row][0], task)) for row in rows]
        examples = question_sets.from_stored(task, stored)
        answers = map(text.to_strings, (examples.answers, answerer.predict(examples.questions)[0]))
        for row, answer, prediction in zip(rows, *answers, strict=True):
            question, columns = questions[row]
            samples[row] = Counterexample(question, answer.strip(), prediction.strip(), columns)
    return list(dict.fromkeys(samples[row] for row in range(len(questions))))
