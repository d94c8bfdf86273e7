"""Windows of a transformer: all of them, its logits there, and a bound that no float32 network exceeds."""

import collections
import dataclasses
import functools
import runpy
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from layout import ROOT

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.attention import HIDDEN
from seq2seq_arith.trainer.models.build import build_network
from seq2seq_arith.trainer.models.network import up_to
from seq2seq_arith.trainer.proving import windowed
from seq2seq_arith.trainer.proving.questions import PAIRS, question_states, symbols
from seq2seq_arith.trainer.proving.tables import SMALLEST, RangeError
from seq2seq_arith.trainer.proving.windowed import WindowedTransformer
from seq2seq_arith.trainer.runs import checkpoints, history, proofs
from seq2seq_arith.trainer.runs.proofs import Counterexample
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import answerers, proof, proof_checks, proof_rounds, proof_windows, session

pytestmark = pytest.mark.models
TASK = Task("addition", size=9)
CONFIG = ModelConfig(
    name="causal",
    input_format="reversed_eos",
    hidden=16,
    heads=2,
    positional_encoding="coupled_relative_bias",
    attention_window=2,
)
FORMAT = make_input_format("reversed_eos", TASK)
QUESTIONS, _ = question_states(TASK)
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def every() -> windowed.Windows:
    """All windows, which are computed in a second."""
    blocks = list(windowed.all_windows(QUESTIONS, FORMAT.alphabet))
    return windowed.Windows(
        *(np.concatenate([getattr(block, name) for block in blocks]) for name in ("rows", "right", "transitions"))
    )


def keys(rows: np.ndarray) -> np.ndarray:
    """A number for each window."""
    return (rows + 1) @ 100 ** np.arange(windowed.COLUMNS)


def read(examples, input_format=FORMAT) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The windows of questions, the right ids, and which steps count."""
    task = input_format.task
    right = np.asarray(input_format.encode_answer(examples.answers)).astype(np.int64)
    columns = symbols(np.asarray(make_input_format("aligned", task).encode_question(examples.questions)), task.alphabet)
    columns = np.pad(columns, ((0, 0), (0, 1)), constant_values=len(PAIRS) - 1)
    counts = np.asarray(up_to(right, input_format.end))
    return windowed.windows_of(columns, right, input_format.alphabet), right, counts


def test_every_window_of_a_question_is_found_with_its_right_character(every):
    right_of = dict(zip(keys(every.rows).tolist(), every.right.tolist(), strict=True))
    assert len(right_of) == len(every.rows) == 4_319_840
    for examples in (proof_checks.short_questions(TASK, 2), proof_checks.check_questions(TASK, 1)):
        rows, right, counts = read(examples)
        assert [right_of[key] for key in keys(rows[counts]).tolist()] == right[counts].tolist()


def digits_of(strings: list[np.ndarray]) -> list[int]:
    """The lengths of the longer operands."""
    return [int((string != len(PAIRS) - 1).sum()) for string in strings]


def test_no_question_with_a_window_is_shorter_than_its_shortest_one(every):
    index_of, numbers = {key: index for index, key in enumerate(keys(every.rows).tolist())}, set()
    for digits in (1, 2):
        rows, _, counts = read(proof_checks.short_questions(TASK, digits))
        longer = {index_of[key] for key in keys(rows[counts]).tolist()} - numbers
        strings = windowed.shortest(QUESTIONS, FORMAT.alphabet, np.array(sorted(longer)), len(longer))
        assert len(strings) > 100 and set(digits_of(strings)) == {digits}
        numbers |= longer


def test_every_window_occurs_in_its_shortest_question(every):
    chosen = np.sort(np.random.default_rng(1).choice(len(every.rows), 300, replace=False))
    strings = windowed.shortest(QUESTIONS, FORMAT.alphabet, chosen, 1000)
    assert (np.diff(digits_of(strings)) >= 0).all()
    met = set()
    for string in strings:
        left, right = ("".join(PAIRS[symbol][side] for symbol in string)[::-1].strip() for side in (0, 1))
        assert left == str(int(left)) and right == str(int(right))
        total = str(int(left) + int(right))[::-1]
        ids = [FORMAT.alphabet.index(character) for character in total + "$"]
        steps = len(ids)
        columns = np.pad(string, (0, max(0, steps - len(string))), constant_values=len(PAIRS) - 1)[:steps]
        met |= set(keys(windowed.windows_of(columns[None], np.array([ids]), FORMAT.alphabet)[0]).tolist())
    assert met >= set(keys(every.rows[chosen]).tolist())


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return build_network(CONFIG, FORMAT)


def arrays_of(network) -> Arrays:
    return {variable.path: np.asarray(variable) for variable in network.model.weights}


def times(factor: float, *names: str) -> Callable[[Arrays], Arrays]:
    """Multiplies the weights whose names end so."""
    return lambda arrays: {name: value * np.float32(factor) if name.endswith(names) else value
                           for name, value in arrays.items()}  # fmt: skip


def tiny_scales(arrays: Arrays) -> Arrays:
    """The scales of the second norm are read as zero; else they would matter, because the dense layers are large."""
    arrays = times(0, "dense_norm/scale")(arrays)
    arrays = times(2e18, "up", "down")(times(1e-3, "written", "output_kernel")(arrays))
    return {name: value + np.float32(1.1e-38) if name.endswith("dense_norm/scale") else value
            for name, value in arrays.items()}  # fmt: skip


def tiny_character(arrays: Arrays) -> Arrays:
    """The vector of a 7 is read as zero; else the first norm would make it a thousand times as long, and v 1e36 times.

    All others have a zero where it has its only number.
    """
    arrays = {name: value.copy() for name, value in arrays.items()}
    for name in ("decoder/read", "decoder/written"):
        arrays[name][:, 0] = 0
    arrays["decoder/read"][FORMAT.alphabet.index("7")] = 0
    arrays["decoder/read"][FORMAT.alphabet.index("7"), 0] = 1e-39
    arrays["decoder/block_0/attention/value_kernel"][0] = 1e36
    return arrays


EDITS = {
    "as initialised": times(1, "read"),
    "sharp attention": times(6, "query_kernel", "key_kernel"),
    "biases only": times(0, "query_kernel"),
    "large values": times(30, "value_kernel", "up", "down"),
    "tiny values": times(1e-36, "value_kernel", "up"),
    "tiny characters": times(1e-30, "read", "written"),
    "large scales": times(2, "scale"),
    "tiny scales": tiny_scales,
    "a tiny character": tiny_character,
}


@pytest.fixture(scope="module")
def checker() -> Any:
    """The module of the independent check."""
    runpy.run_path(str(ROOT / "trainer/proving/check"))
    return sys.modules["windowed"]


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_no_float32_logit_exceeds_the_bounds_of_the_independent_check(network, checker, edit):
    """Nor does a difference from the right logit exceed that of its margin."""
    original = arrays_of(network)
    edited = edit(original)
    try:
        checkpoints.assign(network.model.variables, edited, None)
        examples = proof_checks.check_questions(TASK, 2)
        rows, right, counts = read(examples)
        logits = np.asarray(network.logits(FORMAT.encode_question(examples.questions), right, training=False))[counts]
        rows, right = rows[counts], right[counts]
        exact = checker.Network(edited, CONFIG.heads, np.float64)
        bounds = checker.Bounds(exact)
        for before, last in np.unique(rows[:, :2], axis=0).tolist():
            chosen = np.flatnonzero((rows[:, :2] == [before, last]).all(axis=1))
            seen = checker.seen_at(before, last, rows[chosen, 2:])
            shares, sums = exact.shares(last, seen)
            attended = exact.attended(sums)
            layers = exact.layers(last, attended)
            of_logits, of_margins = bounds(last, seen, shares, sums, attended, layers, right[chosen])
            error = logits[chosen] - layers[-1]
            assert (np.abs(error) <= of_logits).all()
            error -= np.take_along_axis(error, right[chosen, None], axis=1)
            assert (np.abs(error) <= of_margins).all()
            if edit is EDITS["as initialised"]:
                assert of_margins.max() < 0.1 < np.abs(layers[-1]).max()
    finally:
        checkpoints.assign(network.model.variables, original, None)


def test_answers_without_tensorflow_are_those_of_the_network(network):
    """The initial weights, with two rows of zeros, so that blanks and + are hardly ever the most probable."""
    original = arrays_of(network)
    edited = original | {"decoder/written": original["decoder/written"].copy()}
    edited["decoder/written"][[FORMAT.alphabet.index(character) for character in " +"]] = 0
    try:
        checkpoints.assign(network.model.variables, edited, None)
        examples, columns = proof_checks.check_questions(TASK, 2), answerers.EndedColumns(TASK)
        ids, confidences = map(np.asarray, network.answer(FORMAT.encode_question(examples.questions)))
        read = symbols(columns.encode_question(examples.questions), TASK.alphabet)
        logits, is_certain = WindowedTransformer(edited, FORMAT.alphabet).evaluate(read)
        assert 0.05 < is_certain.mean() < 1  # most answers have no end
        np.testing.assert_array_equal(logits.argmax(axis=2)[is_certain], ids[is_certain])
        computed = np.exp(answerers.log_softmax(logits).max(axis=2).sum(axis=1))
        np.testing.assert_allclose(computed[is_certain], confidences[is_certain], rtol=1e-3)
        # The right answers, as the input format of the network has them.
        right = np.asarray(FORMAT.encode_answer(examples.answers))
        np.testing.assert_array_equal(columns.encode_answer(examples.answers), right)
        np.testing.assert_array_equal(columns.decode_answer(right), examples.answers)
        np.testing.assert_array_equal(columns.counted(right), up_to(right, FORMAT.end))
        no_end = np.where(right == FORMAT.end, 0, right)
        np.testing.assert_array_equal(columns.decode_answer(no_end), np.asarray(FORMAT.decode_answer(no_end)))
        # Only a network that is proved is sure to read right characters.
        run = Run(Path("run"), TASK, "abc", "/data", TrainConfig(model=CONFIG))
        assert answerers.evaluator(run, edited, is_proved=False) is None
        evaluate = answerers.evaluator(run, edited, is_proved=True)
        answerer = answerers.TablesAnswerer.of(run, TASK, evaluate, lambda: pytest.fail("not needed"))
        predicted, _ = answerer.predict(examples.questions)
        decoded = np.asarray(FORMAT.decode_answer(ids.astype(np.uint8)))
        np.testing.assert_array_equal(predicted[is_certain], decoded[is_certain])
    finally:
        checkpoints.assign(network.model.variables, original, None)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_no_logit_of_the_network_is_further_from_that_of_its_window_than_the_bound(network, edit):
    original = arrays_of(network)
    edited = edit(original)
    try:
        checkpoints.assign(network.model.variables, edited, None)
        tables = WindowedTransformer(edited, FORMAT.alphabet)
        examples = proof_checks.check_questions(TASK, 2)
        rows, right, counts = read(examples)
        logits = np.asarray(network.logits(FORMAT.encode_question(examples.questions), right, training=False))[counts]
        expected, bounds = (np.concatenate(parts) for parts in zip(*tables.logits(rows[counts]), strict=True))
        differences = np.abs(logits - expected).max(axis=1)
        assert np.isfinite(logits).all() and (differences <= bounds).all()
        # Differences from the right logit have smaller errors.
        of_right = right[counts][:, None]
        error = logits - expected
        error = np.abs(error - np.take_along_axis(error, of_right, axis=1)).max(axis=1)
        refined = tables.refined(rows[counts], right[counts])
        assert (error <= 2 * refined).all()
        if edit is EDITS["as initialised"]:
            assert np.median(refined) < np.median(bounds) / 2
        if edit is EDITS["as initialised"]:
            assert bounds.max() < 0.05 < np.abs(expected).max()
    finally:
        checkpoints.assign(network.model.variables, original, None)


def replaced(suffix: str, value: float) -> Callable[[Arrays], Arrays]:
    """Sets one weight of an array."""

    def edit(arrays: Arrays) -> Arrays:
        name = next(name for name in arrays if name.endswith(suffix))
        changed = arrays[name].copy()
        changed.flat[0] = value
        return arrays | {name: changed}

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        replaced("read", np.nan),
        replaced("table", -np.inf),
        replaced("table", 1e9),  # as high as what is hidden is low
        replaced("attention_norm/scale", 2e38),
        replaced("dense_norm/scale", 1e35),
        replaced("decoder/norm/scale", 2e38),
        replaced("down", 3e38),
        replaced("written", 3e19),  # its square is not finite
        times(1e14, "up"),  # its cube is not
        times(1e4, "query_kernel", "key_kernel"),
    ],
)
def test_weights_whose_sums_may_overflow_or_show_what_is_hidden_are_refused(network, edit):
    with pytest.raises(RangeError):
        tables = WindowedTransformer(edit(arrays_of(network)), FORMAT.alphabet)
        next(tables.logits(np.array([[-1, len(FORMAT.alphabet), windowed.NO_PAIR, 1, 1]])))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_functions_of_a_transformer_are_as_exact_in_float32_as_assumed(jit_compile):
    """Every 2,039th positive float32 in a range; an exponential below 2^-126 may be 0, and so may a third power."""
    bits = np.arange(0, np.float32(np.inf).view(np.uint32), 2039, dtype=np.uint32)
    values = bits.view(np.float32)
    of_norm = values[(values >= windowed.EPSILON) & (values < 1e38)]  # to which EPSILON was added
    of_gelu = values[values < 2.0**42]  # larger ones have no finite third power
    shares = np.linspace(1, 9, 100_001, dtype=np.float32)  # sums of up to nine exponentials, of which one is 1
    for function, inputs, exact in (
        (tf.exp, np.append(-values[values <= windowed.MOST_SPREAD], np.float32(HIDDEN)), np.exp),
        (tf.math.rsqrt, of_norm, lambda exact: 1 / np.sqrt(exact)),
        (lambda values: tf.pow(values, 3), np.concatenate([of_gelu, -of_gelu]), lambda exact: exact**3),
        (lambda values: values[::-1] / values, shares, lambda exact: exact[::-1] / exact),
    ):
        results = np.asarray(tf.function(function, jit_compile=jit_compile)(inputs)).astype(np.float64)
        expected = exact(inputs.astype(np.float64))
        error = np.abs(results - expected)
        assert (error <= windowed.FUNCTION / 2 * np.abs(expected) + SMALLEST).all()


@pytest.mark.parametrize("error", [0.0, 1e-3])
def test_no_float32_product_is_further_from_the_exact_one_than_its_error(error):
    query, key = np.random.default_rng(4).normal(size=(2, 30, 2, 16)).astype(np.float32)
    exact, errors = (query.astype(np.float64), key.astype(np.float64)), np.full(query.shape, error)
    products, _, of_products = windowed._products(*exact, errors, errors)
    changed = (vectors + np.float32(0.999 * error) * np.sign(vectors) for vectors in (query, key))
    computed = np.einsum("qhs,khs->qkh", *changed) / np.float32(16**0.5)
    assert computed.dtype == np.float32
    assert (np.abs(computed - products) <= of_products).all() and of_products.max() < 0.05


def test_no_root_mean_square_is_smaller_than_its_bound(network):
    generator = np.random.default_rng(5)
    bound = windowed._Bound(WindowedTransformer(arrays_of(network), FORMAT.alphabet))
    inputs, share = generator.normal(size=(50, bound.units)), generator.uniform(0, 1, size=50)
    error = share * np.linalg.norm(inputs, axis=1)
    smallest = bound._smallest(inputs, error)
    assert (smallest > 0).all() and (windowed._lengths(inputs * (1 - share)[:, None]) >= smallest).all()


def test_the_derivatives_of_gelu_are_bounded():
    values = np.linspace(-12, 12, 240_001)
    gelu, slope = windowed._gelu(values), windowed._gelu_slope(values)
    np.testing.assert_allclose(np.gradient(gelu, values), slope, atol=1e-4)
    assert np.abs(slope).max() < windowed.GELU_SLOPE
    assert np.abs(np.gradient(slope, values)).max() < windowed.GELU_CURVATURE


@pytest.mark.parametrize(("window", "expected"), [(2, 4_319_840), (3, 13_084_447_925)])
def test_the_windows_are_counted(window, expected):
    """Without enumerating them: different windows of an automaton are different paths of its subset construction."""
    end = FORMAT.alphabet.index("$")
    right = np.where(QUESTIONS.right == FORMAT.alphabet.index(" "), end, QUESTIONS.right)
    edges = list(zip(QUESTIONS.source, QUESTIONS.target, windowed.SORTED_OF[QUESTIONS.symbol], right, strict=True))

    def following(states: frozenset, kind: str) -> Iterator[frozenset]:
        """The states after a pair, or after a pair and the character written there, which is read later or not."""
        reached = collections.defaultdict(set)
        for source, target, pair, character in edges:
            if source in states and not (kind == "read" and character == end):
                reached[pair if kind == "pair" else (pair, character)].add(target)
        return map(frozenset, reached.values())

    @functools.cache
    def count(states: frozenset, kinds: tuple[str, ...]) -> int:
        return sum(count(after, kinds[1:]) for after in following(states, kinds[0])) if kinds else 1

    last = ("written", *("pair",) * (window - 1))
    first = frozenset(np.flatnonzero(QUESTIONS.initial))
    total = sum(count(first, ("read",) * read + last) for read in range(window))
    for digit in set(right.tolist()) - {end}:
        total += count(frozenset(edge[1] for edge in edges if edge[3] == digit), ("read",) * (window - 1) + last)
    assert total == expected


def test_the_logits_of_a_trained_network_are_those_of_its_windows():
    arrays = dict(np.load(ROOT / "tests/support/windowed_transformer.npz"))
    trained = build_network(dataclasses.replace(CONFIG, hidden=64, heads=4), FORMAT)
    checkpoints.assign(trained.model.variables, arrays, None)
    learner: Any = types.SimpleNamespace(network=trained, input_format=FORMAT)
    tables, examples = WindowedTransformer(arrays, FORMAT.alphabet), proof_checks.check_questions(TASK, 2)
    assert 0 < proof_windows.largest_difference(tables, learner, examples) < 1e-3
    wrong = dataclasses.replace(examples, answers=np.roll(examples.answers, 1, axis=0))
    assert proof_windows.largest_difference(tables, learner, wrong) == np.inf


@pytest.fixture
def run(tmp_path, network) -> Run:
    """A run whose network was never trained."""
    run = Run(tmp_path / "run", TASK, "abc", "/data", TrainConfig(model=CONFIG))
    run.write_config()
    checkpoints.save(run.best, arrays_of(network), {})
    return run


@pytest.fixture
def few_windows(monkeypatch):
    """Three blocks of windows instead of 111."""
    blocks = list(windowed.all_windows(QUESTIONS, FORMAT.alphabet))[:3]
    monkeypatch.setattr(windowed, "all_windows", lambda questions, alphabet: iter(blocks))


def restored(network):
    """Gives the network for strings of the run's length."""

    def predict(questions):
        ids, confidences = network.answer(FORMAT.encode_question(questions))
        return np.asarray(FORMAT.decode_answer(tf.cast(ids, tf.uint8))), confidences

    learner = types.SimpleNamespace(network=network, input_format=FORMAT, predict=predict)
    return lambda task: learner


def test_a_counterexample_is_a_question_that_the_network_itself_answers_wrong(run, network, few_windows):
    proved = proof.prove(run, restored(network))
    assert not proved.proof.holds and proved.proof.wrong > 1000
    for sample in proved.counterexamples[:: len(proved.counterexamples) // 50]:
        left, right = map(int, sample.question.split("+"))
        assert sample == Counterexample(f"{left}+{right}", str(left + right), sample.prediction)
    assert not any(sample.right for sample in proved.counterexamples[-50:])


@pytest.mark.slow
def test_a_round_trains_the_network_on_its_counterexamples(data_dir, tasks, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(proof_rounds, "NEARLY_RIGHT", 0)
    monkeypatch.setattr(proof_rounds, "STEPS", 2)
    monkeypatch.setattr(proof_windows, "MAX_KINDS", 50)
    first = next(windowed.all_windows(QUESTIONS, FORMAT.alphabet))
    monkeypatch.setattr(windowed, "all_windows", lambda questions, alphabet: iter([first]))
    model = dataclasses.replace(CONFIG, hidden=8)
    config = TrainConfig(model=model, epochs=1, steps_per_epoch=2, batch_size=16, schedule="cosine", xla=False, prove=1)
    run = session.train(tasks["addition"], str(data_dir), str(tmp_path / "run"), config).run
    rows, result = history.read_csv(run.history), proofs.read(run)
    assert [(row["round"], row["steps"]) for row in rows] == [(0, 2), (1, 4)]
    assert result is not None and not result.holds and result.wrong > 1000
    assert "round 1 of 1: 2 steps with 50 counterexamples, 50 of the last proof" in capsys.readouterr().out


@pytest.mark.parametrize(("factor", "near"), [(1.999, 1), (2.001, 0)])
def test_a_margin_must_exceed_twice_the_bound(run, network, few_windows, monkeypatch, factor, near, input_error):
    """All windows but one are right by much, and one is right by just more or less than twice the bound."""
    first = True

    def logits(tables, rows):
        nonlocal first
        windows = next(block for block in windowed.all_windows(None, None) if block.rows is rows)
        made = np.zeros((len(rows), len(FORMAT.alphabet)))
        made[np.arange(len(rows)), windows.right] = 5.0
        if first:
            made[0, windows.right[0]], first = factor, False
        yield made, np.ones(len(rows))

    monkeypatch.setattr(WindowedTransformer, "logits", logits)
    monkeypatch.setattr(WindowedTransformer, "refined", lambda tables, rows, right: np.ones(len(rows)))
    monkeypatch.setattr(proof, "check_network", lambda *_: None)
    proved = proof.prove(run, restored(network))
    assert (proved.proof.wrong, proved.proof.near, proved.proof.holds) == (0, near, not near)
    sentence = "and float32 changes no such difference by more than 100% of it)"
    assert (sentence in str(proved.proof)) == (not near)
    assert (proved.certificate is None) == bool(near)


def test_a_network_that_does_not_compute_its_windows_is_not_proved(run, network, few_windows, monkeypatch, input_error):
    def logits(tables, rows):
        windows = next(block for block in windowed.all_windows(None, None) if block.rows is rows)
        yield 5.0 * np.eye(len(FORMAT.alphabet))[windows.right], np.ones(len(rows))

    monkeypatch.setattr(WindowedTransformer, "logits", logits)
    monkeypatch.setattr(proof_checks, "CHECK_DIGITS", ())
    with input_error(proof.InputError):
        proof.prove(run, restored(network))
