"""The automata of questions and of latches: every question, nothing else, and what a network sees at each step."""

import contextlib
import itertools

import numpy as np
import pytest
from paths import Paths, symbols_of

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.proving import automata, tables
from seq2seq_arith.trainer.proving.questions import Automaton, question_automaton
from seq2seq_arith.trainer.proving.tables import LatchTagger, SmallAdder, Tables, UncertainError

QUESTIONS = {name: question_automaton(Task(name)) for name in ("addition", "subtraction")}


def latch_tagger(layers: int, seed: int) -> dict[str, np.ndarray]:
    """The weights of a small latch tagger, at random."""
    generator, hidden, units, depth = np.random.default_rng(seed), 6, 2, len(Task("subtraction").alphabet)
    sizes = {"logits": (2 * hidden, depth)}
    for number in range(layers):
        sizes[f"settings_{number}"] = (hidden, 2 * units)
        seen = hidden + (number + 1) * (3 * units + 2)
        sizes[f"layer_{number}"] = (seen, hidden * (1 + (number == layers - 1)))
    weights = {f"{name}/kernel": generator.normal(size=size) for name, size in sizes.items()}
    weights["read/table"] = generator.normal(size=(depth**2, hidden))
    return weights | {f"{name}/bias": generator.normal(size=size[1]) for name, size in sizes.items()}


def small_adder(seed: int) -> dict[str, np.ndarray]:
    """The weights of a small adder, at random."""
    generator, depth = np.random.default_rng(seed), len(Task("addition").alphabet)
    sizes = {"vector": (depth + 1, 3), "carry": (6, 2), "digit": (5, 4), "logits": (4, depth)}
    weights = {f"{name}/kernel": generator.normal(size=size) for name, size in sizes.items()}
    return weights | {
        f"{name}/bias": generator.normal(size=size[1]) for name, size in sizes.items() if name != "vector"
    }


@pytest.mark.parametrize(("layers", "seed"), [(1, 0), (1, 1), (2, 2), (3, 3), (3, 6)])
def test_every_step_of_every_question_is_a_case_and_every_case_is_a_step_of_a_question(layers, seed):
    task = Task("subtraction")
    check(LatchTagger(latch_tagger(layers, seed), task.alphabet), QUESTIONS[task.name])


def check(network: Tables, questions: Automaton) -> None:
    cases = network.cases(questions)
    logits, paths = np.concatenate(list(network.logits(cases, cases.windows))), Paths(cases.automaton)
    # Every short question: its logits are those of the windows on its path.
    for left, right in itertools.product((0, 5, 10, 99, 407), (0, 6, 98, 990)):
        symbols = symbols_of(str(left), str(right), 5)
        found = network.answered(np.array([symbols]))[0]
        (way,) = paths(symbols)
        np.testing.assert_allclose(logits[cases.window[way]], found, atol=1e-9)
    # Every case: in its shortest question, some step has its logits.
    some = np.random.default_rng(0).choice(len(cases.window), 50, replace=False)
    wanted = {row.round(6).tobytes() for row in logits[cases.window[some]] + 0.0}
    met = set()
    for string in automata.shortest(cases.automaton, some, some, len(some)):
        (way,) = paths(string.tolist())
        assert set(way) & set(some.tolist())
        met |= {row.round(6).tobytes() for row in network.answered(string[np.newaxis])[0] + 0.0}
    assert wanted <= met
    # The question of a case is the shortest of those of all its transitions.
    for case in cases.window[some[:5]]:
        same = np.flatnonzero(cases.window == case)
        each = automata.shortest(cases.automaton, same, np.arange(len(same)), len(same))
        (string,) = automata.shortest(cases.automaton, same, np.zeros(len(same), int), 1)
        assert len(string) == min(map(len, each))


def test_the_shortest_string_of_at_least_some_steps_has_the_most_blanks():
    """Compared with all strings of up to five steps; the last transition is a string of one step."""
    symbol = np.array([5, 6, automata.BLANKS, 7, automata.BLANKS, 8])
    source, target = np.array([0, 1, 1, 2, 2, 0]), np.array([1, 1, 2, 1, 3, 4])
    states, edges = np.arange(5), np.arange(6)
    ends = {"initial": states == 0, "final": states > 2}
    automaton = Automaton(**ends, source=source, target=target, symbol=symbol, right=symbol)
    paths, strings = Paths(automaton), [*itertools.chain(*(itertools.product(symbol, repeat=n) for n in range(1, 6)))]
    ways = [(string, way) for string in strings for way in paths(list(string))]

    def key(string) -> tuple[bool, int, int]:
        return len(string) < least, len(string), sum(step != automata.BLANKS for step in string)

    for least in range(5):
        shortest = [string.tolist() for string in automata.shortest(automaton, edges, edges, len(edges), least)]
        expected = sorted(min(key(string) for string, way in ways if edge in way) for edge in edges)
        assert [key(string) for string in shortest] == expected and all(map(paths, shortest))
        assert key(shortest[-1])[0] == (least > 1)


def test_the_small_adder_sees_two_columns_and_what_is_right_before():
    task = Task("addition")
    cases = SmallAdder(small_adder(0), task.alphabet).cases(QUESTIONS[task.name])
    symbols = symbols_of("978", "156", 4)
    (way,) = Paths(cases.automaton)(symbols)
    before, written, symbol = cases.windows[cases.window[way]].T
    assert symbol.tolist() == symbols and before.tolist() == [automata.NONE, *symbols[:-1]]
    assert [task.alphabet[each] for each in written[1:]] == list("431")


def test_a_setting_that_rounding_decides_is_followed_both_ways(monkeypatch):
    weights, task = latch_tagger(2, 6), Task("subtraction")
    weights["settings_1/kernel"][:, 0] = 0
    weights["settings_1/bias"][0] = 0  # a gate that is open, or closed
    both = LatchTagger(weights, task.alphabet).cases(QUESTIONS[task.name])
    gates = {tuple(row) for row in both.automaton.latches[:, 2:].tolist()}
    assert any(row[0] == 0 for row in gates) and any(row[0] != 0 for row in gates)
    weights["settings_0/kernel"][:, 0] = weights["settings_0/bias"][0] = 0
    first = LatchTagger(weights, task.alphabet).cases(QUESTIONS[task.name])
    assert {tuple(row) for row in first.automaton.latches[:, :2].tolist()} > {
        tuple(row) for row in both.automaton.latches[:, :2].tolist()
    }
    weights["settings_0/kernel"][:] = weights["settings_0/bias"][:] = 0
    weights["settings_1/kernel"][:] = weights["settings_1/bias"][:] = 0
    monkeypatch.setattr(tables, "MAX_UNCERTAIN", 3)
    with pytest.raises(UncertainError):
        LatchTagger(weights, task.alphabet).cases(QUESTIONS[task.name])


def test_only_states_that_some_question_reaches_are_counted():
    """A question of two steps, each of which sets a latch of its own: the second one is never set alone."""
    initial, final = np.array([True, False, False]), np.array([False, False, True])
    both = np.array([0, 1])
    questions = Automaton(initial=initial, final=final, source=both, target=both + 1, symbol=both, right=both)
    automaton = automata.forward(questions, both, np.eye(2, dtype=int), np.ones((2, 2), int))
    assert automaton.latches.tolist() == automaton.layer.tolist() == [[0, 0], [1, 0], [1, 1]]
    (way,) = Paths(automaton)([0, 1])
    assert automaton.after[automaton.source[way]].tolist() == [1, 2]


def test_the_candidate_of_a_closed_gate_does_not_matter(monkeypatch):
    """Eleven of them are zero, more than could be followed both ways; that of an open gate is followed."""
    closed, open_ = -np.ones(tables.MAX_UNCERTAIN + 1), np.ones(tables.MAX_UNCERTAIN + 1)
    zeros = np.zeros(len(closed))
    settings, relations = tables._either(np.concatenate([closed, zeros])[np.newaxis], np.full(2 * len(closed), 0.1))
    assert settings.tolist() == [[0] * len(closed) + [1] * len(closed)] and relations.tolist() == [[0, 0]]
    with pytest.raises(UncertainError):
        tables._either(np.concatenate([open_, zeros])[np.newaxis], np.full(2 * len(closed), 0.1))
    # A gate that may be open: then its candidate matters, and closed it does not.
    settings, _ = tables._either(np.array([[0.05, 0.0]]), np.full(2, 0.1))
    assert settings.tolist() == [[0, 1], [1, -1], [1, 1]]


def test_a_network_with_too_many_transitions_is_not_explored_to_its_end(monkeypatch):
    network, questions, calls = (
        LatchTagger(latch_tagger(2, 6), Task("subtraction").alphabet),
        QUESTIONS["subtraction"],
        [],
    )
    after = automata._States.after
    monkeypatch.setattr(automata._States, "after", lambda self, *given: calls.append(1) or after(self, *given))
    listed = recorded(monkeypatch)
    transitions = len(network.cases(questions).automaton.source)
    whole, steps = len(calls), 132_110  # of the latches that run backward
    assert steps < transitions
    for limit, explores in ((transitions, True), (transitions - 1, True), (steps - 1, False), (1000, False)):
        calls.clear()
        monkeypatch.setattr(automata, "MAX_TRANSITIONS", limit)
        if limit == transitions:
            network.cases(questions)
            continue
        listed.clear()
        with pytest.raises(automata.TooLargeError):
            network.cases(questions)
        assert (len(calls) == whole) == explores
        assert max(listed, default=0) <= limit  # none are listed if the questions alone are too many


def recorded(monkeypatch) -> list[int]:
    """How many transitions are listed at a time, from now on."""
    listed, members = list[int](), automata.Groups.members

    def record(groups: automata.Groups, *given) -> tuple[np.ndarray, np.ndarray]:
        result = members(groups, *given)
        listed.append(len(result[0]))
        return result

    monkeypatch.setattr(automata.Groups, "members", record)
    return listed


def test_settings_that_rounding_decides_are_counted_before_they_are_listed(monkeypatch):
    """Four values near zero give each transition several settings."""
    weights, questions = latch_tagger(1, 6), QUESTIONS["addition"]
    weights["settings_0/kernel"][:] = weights["settings_0/bias"][:] = 0
    network, listed = LatchTagger(weights, Task("addition").alphabet), recorded(monkeypatch)
    monkeypatch.setattr(automata, "MAX_TRANSITIONS", 4 * len(questions.source))
    with pytest.raises(automata.TooLargeError):
        network.cases(questions)
    assert max(listed, default=0) <= automata.MAX_TRANSITIONS


def test_a_first_layer_with_too_many_transitions_is_not_explored_either(monkeypatch):
    """After little training already the first layer can have many states, whose progress is reported."""
    network, explored = LatchTagger(latch_tagger(1, 6), Task("addition").alphabet), []
    transitions = len(network.cases(QUESTIONS["addition"], explored.append).automaton.source)
    assert explored == sorted(explored) and explored[0] > 0 and explored[-1] == transitions
    for limit, explores in ((transitions, True), (transitions - 1, False), (1000, False)):
        monkeypatch.setattr(automata, "MAX_TRANSITIONS", limit)
        with contextlib.nullcontext() if explores else pytest.raises(automata.TooLargeError):
            network.cases(QUESTIONS["addition"])
