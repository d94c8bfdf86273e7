"""Boxes of a GRU: they contain all that float32 computes, and no network is proved that loses a carry."""

import handmade
import numpy as np
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.proving import boxes
from seq2seq_arith.trainer.proving.boxes import GatedUnits, by_column, decide, refined, split
from seq2seq_arith.trainer.proving.questions import PAIRS, Automaton, question_states
from seq2seq_arith.trainer.proving.tables import RangeError

TASK = Task("addition", size=3)
QUESTIONS, _ = question_states(TASK)
Arrays = dict[str, np.ndarray]


def network(arrays: Arrays | None = None) -> GatedUnits:
    return GatedUnits(arrays or handmade.gru(), TASK.alphabet)


def changed(name: str, value: float, place: tuple[int, ...]) -> Arrays:
    arrays = handmade.gru()
    arrays[name][place] = value
    return arrays


def drawn(units: int, scale: float) -> Arrays:
    """Random weights of some units, which fill several bits of float32."""
    generator, shapes = np.random.default_rng(units), handmade.gru()
    sizes: dict[str, tuple[int, ...]] = {
        "gates/table": (144, 3 * units),
        "recurrence/cell/kernel": (units, 3 * units),
        "dense_0/kernel": (24 + units, 48),
    }
    sizes["recurrence/cell/bias"] = (3 * units,)
    return {name: (scale * generator.normal(size=sizes.get(name, array.shape))).astype(np.float32)
            for name, array in shapes.items()}  # fmt: skip


def test_a_network_made_by_hand_is_proved_in_a_box_per_carry_operands_and_column():
    verdict = decide(network(), QUESTIONS)
    assert verdict.boxes.is_closed and not len(verdict.open)
    assert (len(verdict.boxes.origin), len(verdict.margins)) == (153, 15_709)
    assert verdict.margins.min() == pytest.approx(8)  # at the first column, where the state is 0


def test_every_box_is_mapped_into_that_of_each_next_column():
    tables = network(drawn(3, 0.2))
    found = tables.boxes(*by_column(QUESTIONS))
    automaton = found.automaton
    assert found.is_closed and (found.lower[automaton.initial] == 0).all()
    ends = found.lower[automaton.source], found.upper[automaton.source]
    lower, upper = tables.after(*ends, automaton.symbol)
    assert (lower >= found.lower[automaton.target]).all() and (upper <= found.upper[automaton.target]).all()


def float32_step(arrays: Arrays, states: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """A step in float32 with small numbers read as zero."""

    def flushed(values: np.ndarray) -> np.ndarray:
        return np.where(np.abs(values) < np.float32(2.0**-126), np.float32(0), values.astype(np.float32))

    rows = [TASK.alphabet.index(left) * 12 + TASK.alphabet.index(right) for left, right in PAIRS]
    gates = flushed(arrays["gates/table"])[rows][symbols]
    recurrent = flushed(flushed(states) @ flushed(arrays["recurrence/cell/kernel"])) + arrays["recurrence/cell/bias"]
    parts, recurrent = np.split(gates, 3, axis=1), np.split(recurrent, 3, axis=1)
    reset, update = (1 / (1 + np.exp(-(parts[number] + recurrent[number]))) for number in range(2))
    candidate = np.tanh(parts[2] + reset * recurrent[2])
    assert candidate.dtype == np.float32
    return update * states + (1 - update) * candidate


@pytest.mark.parametrize("scale", [1e-39, 1e-20, 0.3, 2.0, 40.0, 1e6])
@pytest.mark.filterwarnings("ignore:overflow")
def test_no_float32_state_leaves_the_box_of_its_step(scale):
    generator = np.random.default_rng(1)
    arrays = drawn(4, scale)
    tables = network(arrays)
    lower, upper = np.sort(generator.uniform(-1, 1, size=(2, 2000, 4)), axis=0)
    symbols = generator.integers(len(PAIRS), size=2000)
    low, high = tables.after(lower, upper, symbols)
    for share in (0, 0.3, 1):
        states = (lower + share * (upper - lower)).astype(np.float32)
        states = np.clip(states, np.float32(-1), np.float32(1))
        after = float32_step(arrays, states, symbols)
        rounded = boxes.SPARE * 1e-6  # the ends of the boxes are no float32
        assert (low - rounded <= after).all() and (after <= high + rounded).all()
    # A box of one point is mapped into a narrow one, unless weights are so large that rounding decides.
    if scale < 10:
        ends = tables.after(lower, lower, symbols)
        assert (ends[1] - ends[0]).max() < 1e-4


def test_the_errors_of_recurrent_sums_are_within_the_box_of_a_step():
    """With larger errors, so that no other bound hides a missing one."""
    generator, tables = np.random.default_rng(3), network(drawn(3, 0.7))
    tables.recurrent_error = np.full(9, 0.1)
    tables.gate_error, tables.candidate_error, tables.state_error = np.zeros(6), np.zeros(3), np.zeros(3)
    states, symbols = generator.uniform(-1, 1, size=(100, 3)), generator.integers(len(PAIRS), size=100)
    lower, upper = tables.after(states, states, symbols)
    exact = states @ tables.recurrent.kernel + tables.recurrent.bias
    for error in (-0.1, 0.1, *generator.uniform(-0.1, 0.1, size=(20, 9))):
        gates, recurrent = np.split(tables.gates[symbols], 3, axis=1), np.split(exact + error, 3, axis=1)
        reset, update = (1 / (1 + np.exp(-(gates[number] + recurrent[number]))) for number in range(2))
        after = update * states + (1 - update) * np.tanh(gates[2] + reset * recurrent[2])
        assert (lower - 1e-9 <= after).all() and (after <= upper + 1e-9).all()


def test_the_least_margin_of_a_box_is_below_that_of_all_of_its_points():
    generator, tables = np.random.default_rng(2), network(drawn(3, 0.7))
    lower, upper = np.sort(generator.uniform(-1, 1, size=(2, 300, 3)), axis=0)
    symbols, right = generator.integers(len(PAIRS), size=300), generator.integers(12, size=300)
    least = tables.margins(lower, upper, symbols, right)
    for _ in range(20):
        points = generator.uniform(lower, upper)
        logits = tables.logits(points, points, symbols)[0]
        margins = tables.margins(points, points, symbols, right)
        expected = np.delete(logits[0], right[0]).max()
        assert margins[0] == pytest.approx(logits[0, right[0]] - expected)
        assert (least <= margins + 1e-9).all()


def test_a_split_automaton_has_the_same_strings():
    automaton, origin = by_column(QUESTIONS)
    chosen = np.random.default_rng(3).random(len(origin)) < 0.3
    copied, copies = split(automaton, chosen)
    assert len(copies) > 5 * len(origin)
    # Each transition of the original leaves each copy of its source, to a copy of its target.
    for state in (0, 5, 80, len(copies) - 1):
        edges, old = np.flatnonzero(copied.source == state), np.flatnonzero(automaton.source == copies[state])
        theirs, ours = (
            sorted(zip(part.symbol[rows], part.right[rows], target, strict=True))
            for part, rows, target in (
                (copied, edges, copies[copied.target[edges]]),
                (automaton, old, automaton.target[old]),
            )
        )
        assert ours == theirs
    # A copy of a chosen state has copies of one state before it.
    before = np.unique(np.stack([copies[copied.source], copied.target]), axis=1)
    counts = np.bincount(before[1], minlength=len(copies))
    assert (counts[chosen[copies] & ~copied.initial] == 1).all()


def test_boxes_are_split_where_an_answer_is_open_and_then_are_smaller():
    tables = network(drawn(2, 0.6))
    found = tables.boxes(*by_column(QUESTIONS))
    further = refined(found, np.array([10_000]))
    assert further is not None
    smaller = tables.boxes(*further)
    number = int(found.automaton.source[10_000])
    copies = np.flatnonzero(smaller.origin == found.origin[number])
    assert len(smaller.origin) > len(found.origin)
    width, widths = (part.upper - part.lower for part in (found, smaller))
    assert np.median(widths[copies].sum(axis=1)) < width[number].sum()


def test_steps_are_computed_in_parts_of_bounded_size(monkeypatch):
    whole, parts, rows = decide(network(), QUESTIONS), network(), list[int]()
    after, margins = parts.after, parts.margins
    monkeypatch.setattr(boxes, "VALUES", 48 * 1000)  # of the dense layer, which is wider than the gates of one unit
    monkeypatch.setattr(parts, "after", lambda lower, *others: rows.append(len(lower)) or after(lower, *others))
    monkeypatch.setattr(parts, "margins", lambda lower, *others: rows.append(len(lower)) or margins(lower, *others))
    verdict = decide(parts, QUESTIONS)
    assert max(rows) == 1000
    np.testing.assert_array_equal(verdict.margins, whole.margins)
    np.testing.assert_array_equal(verdict.boxes.upper, whole.boxes.upper)


@pytest.mark.parametrize(("units", "most"), [(1, 1_573_100), (8, 1_573_100), (16, 2 * 1_573_100)])
def test_boxes_are_not_split_into_more_transitions_than_the_limit(monkeypatch, units, most):
    """All boxes of addition after the first one are split: each has a copy for each of those before it."""
    automaton, origin = by_column(QUESTIONS)
    ends = np.zeros((len(origin), units))
    found, edges = boxes.Boxes(automaton, origin, ends, ends, is_closed=True), np.arange(len(automaton.source))
    monkeypatch.setattr(boxes, "MAX_TRANSITIONS", most)
    further = refined(found, edges)
    assert further is not None and len(further[0].source) == 1_573_100
    monkeypatch.setattr(boxes, "MAX_TRANSITIONS", most - 1)
    monkeypatch.setattr(boxes, "split", lambda *arguments: pytest.fail("too many transitions"))
    assert refined(found, edges) is None


def test_a_search_returns_the_questions_with_the_lowest_margins(monkeypatch):
    tables, (automaton, _) = network(changed("logits/bias", 9.0, (5,))), by_column(QUESTIONS)
    transitions, margins, strings = tables.wrong_questions(automaton)
    assert len(transitions) == len(margins) == len(strings) > 20 and (np.diff(margins) >= 0).all()
    monkeypatch.setattr(boxes, "MAX_QUESTIONS", 20)
    fewer = tables.wrong_questions(automaton)
    np.testing.assert_array_equal(fewer[0], transitions[:20])
    assert [string.tolist() for string in fewer[2]] == [string.tolist() for string in strings[:20]]


@pytest.mark.parametrize("splits", [0, 2])
def test_boxes_are_split_at_most_as_often_as_the_limit(monkeypatch, splits):
    tables, reported, copies = network(), list[int](), list[Automaton]()
    automaton, origin = by_column(QUESTIONS)
    ends = np.zeros((len(origin), 1))
    monkeypatch.setattr(boxes, "MAX_SPLITS", splits)
    monkeypatch.setattr(tables, "boxes", lambda automaton, origin: boxes.Boxes(automaton, origin, ends, ends, True))
    monkeypatch.setattr(tables, "margins_of", lambda found: np.zeros(1))
    monkeypatch.setattr(tables, "wrong_questions", lambda automaton: (np.empty(0, np.int64), np.empty(0), []))
    monkeypatch.setattr(boxes, "refined", lambda *arguments: copies.append(automaton) or (automaton, origin))
    assert len(decide(tables, QUESTIONS, reported.append).open)
    assert reported == list(range(splits + 1)) and len(copies) == splits


WRONG = {
    "a carry fades": ("recurrence/cell/kernel", 1.5, (0, 2)),
    "a carry turns round": ("recurrence/cell/kernel", -4.0, (0, 2)),
    "the state drifts": ("recurrence/cell/bias", 3.0, (1,)),
    "a wrong digit": ("logits/bias", 9.0, (5,)),
}


@pytest.mark.models
@pytest.mark.parametrize("edit", WRONG.values(), ids=WRONG)
def test_a_wrong_network_has_a_question_that_it_answers_wrong(edit):
    arrays = changed(*edit)
    verdict = decide(network(arrays), QUESTIONS)
    assert len(verdict.open) and len(verdict.wrong) and (verdict.wrong_margins < 0).all()
    for string in verdict.questions[:20]:
        left, right = ("".join(PAIRS[symbol][side] for symbol in string)[::-1].strip() for side in (0, 1))
        written = network(arrays).evaluate(string[None])[0][0].argmax(axis=1)
        answer = "".join(TASK.alphabet[number] for number in written)[::-1].strip()
        assert left == str(int(left)) and right == str(int(right)) and answer != str(int(left) + int(right))


def test_a_state_that_saturated_gates_only_hold_is_not_proved():
    """It is right without rounding: z is 1 at a sum of 9, and each step may add an error to the state."""
    arrays = handmade.gru()
    nine = arrays["gates/table"][:, 2] == -2
    arrays["gates/table"][nine, 1] = 60.0
    verdict = decide(network(arrays), QUESTIONS)
    assert not verdict.boxes.is_closed and len(verdict.open) == len(verdict.margins)


@pytest.mark.models
@pytest.mark.parametrize(("factor", "expected"), [(2.001, True), (1.999, False)])
def test_a_margin_must_exceed_twice_the_bound(factor, expected):
    tables = network()
    verdict = decide(tables, QUESTIONS)
    tables.bound = float(verdict.margins.min()) / factor
    assert (not len(decide(tables, QUESTIONS).open)) == expected


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("gates/table", np.nan, (0, 0)),
        ("pairs/table", np.inf, (0, 0)),
        ("recurrence/cell/kernel", np.nan, (0, 0)),
        ("recurrence/cell/bias", 3e38, (0,)),
        ("gates/table", 2e38, (30, 2)),
        ("dense_0/kernel", 3e38, (3, 3)),
        ("dense_0/bias", -np.inf, (3,)),
        ("logits/kernel", 1e38, (3, 3)),
    ],
)
def test_weights_whose_sums_may_overflow_are_refused(name, value, place):
    with pytest.raises(RangeError):
        network(changed(name, value, place))


def test_answers_are_certain_where_the_intervals_of_the_highest_logit_are():
    tables, arrays = network(), handmade.gru()
    strings = np.array([[PAIRS.index(pair) for pair in (("4", "5"), ("9", "9"), (" ", " "))]])
    logits, is_certain = tables.evaluate(strings)
    assert is_certain.all() and "".join(TASK.alphabet[number] for number in logits[0].argmax(axis=1)) == "981"
    arrays["logits/bias"][TASK.alphabet.index("2")] += 8  # the logits of 2 and 9 are equal
    assert not network(arrays).evaluate(strings)[1].any()
