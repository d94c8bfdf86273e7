"""The automaton of all questions: one path for each, which writes its right answer, and nothing that leads nowhere."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import Paths, symbols_of

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.columns import BLANK, Transducer, digit
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.proving import questions as proving_questions
from seq2seq_arith.trainer.proving.automata import NONE, remembering
from seq2seq_arith.trainer.proving.questions import PAIRS, question_automaton, symbols

RIGHT = {"addition": int.__add__, "subtraction": int.__sub__}
QUESTIONS = {name: question_automaton(Task(name)) for name in RIGHT}


@pytest.mark.parametrize("name", QUESTIONS)
@given(left=st.integers(0, 10**6), right=st.integers(0, 10**6), nearly=st.booleans(), blanks=st.integers(1, 3))
def test_each_question_is_one_path_with_its_right_answer(name, left, right, nearly, blanks):
    right = max(0, left + right % 3 - 1) if nearly else right
    alphabet, steps = Task(name).alphabet, max(len(str(left)), len(str(right))) + blanks
    question, automaton = symbols_of(str(left), str(right), steps), QUESTIONS[name]
    (path,) = Paths(automaton)(question)
    written = automaton.right[path]
    assert "".join(alphabet[number] for number in reversed(written)) == str(RIGHT[name](left, right)).rjust(steps)
    # It accepts what is right, and nothing else.
    wrong = written.copy()
    wrong[blanks - 1] = (wrong[blanks - 1] + 1) % len(alphabet)
    assert automaton.accepts(np.array([question] * 2), np.stack([written, wrong])).tolist() == [True, False]
    assert automaton.accepts(np.array([question[:-blanks]]), written[np.newaxis, :-blanks]).tolist() == [False]


@pytest.mark.parametrize("automaton", QUESTIONS.values(), ids=QUESTIONS)
def test_each_state_is_on_the_way_from_a_start_to_an_end(automaton):
    for begin, source, target in (
        (automaton.initial, automaton.source, automaton.target),
        (automaton.final, automaton.target, automaton.source),
    ):
        reached = begin
        for _ in reached:
            reached = reached | (np.bincount(target, reached[source], len(reached)) > 0)
        assert reached.all()


def test_the_symbols_of_ids_are_those_of_their_characters():
    alphabet = Task("addition").alphabet
    ids = np.array([[alphabet.index(character) for character in pair] for pair in ("08", " 0", "9 ", "  ", "+1", "1+")])
    found = symbols(ids, alphabet)
    assert ["".join(PAIRS[symbol]) for symbol in found[:4]] == ["08", " 0", "9 ", "  "]
    assert (found[4:] < 0).all()


def test_a_rule_may_return_to_the_state_in_which_it_starts(monkeypatch):
    """A custom rule without a memory: sums without carries. Its only state is that before every column."""

    def step(state: tuple[int], left: str, right: str) -> Iterator[tuple[str, tuple[int]]]:
        yield BLANK if left == right == BLANK else str((digit(left) + digit(right)) % 10), state

    rule, task = Transducer(starts=((0,),), step=step, is_end=lambda state: True), Task("addition")
    monkeypatch.setattr(Task, "operation", dataclasses.replace(task.operation, transducer=rule))
    automaton = question_automaton(task)
    # No step leads to a state before the first column, and a question has at least one column.
    assert not automaton.initial[automaton.target].any() and not (automaton.initial & automaton.final).any()
    right = np.array([[task.alphabet.index(character) for character in f"46{BLANK}"]])
    question = np.array([symbols_of("19", "55", 3)])
    assert [automaton.accepts(question[:, :steps], right[:, :steps])[0] for steps in range(4)] == [False, *[True] * 3]
    # Only the first step of a path has none before it.
    after_steps, last = remembering(automaton)
    (path,) = Paths(after_steps)(question[0].tolist())
    assert (last[after_steps.source[path]] == NONE).tolist() == [True, False, False]


# Rules that a file of one's own may hold, by what is wrong with them.
RULES = {
    "fails": "lambda state, left, right: iter([(str(1 // int(left == right)), state)])",
    "foreign": "lambda state, left, right: iter([('x', state)])",
    "two-characters": "lambda state, left, right: iter([('10', state)])",
    "counts": "lambda state, left, right: iter([('0', state + 1)])",
    "no-way": "lambda state, left, right: iter([])",
    "no-end": "lambda state, left, right: iter([('0', state)])",
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_ones_own_that_is_none_is_refused(name, tmp_path, monkeypatch, input_error):
    monkeypatch.setattr(proving_questions, "MAX_STATES", 100)
    file = tmp_path / "own.py"
    rule = f"Transducer(starts=(0,), step={RULES[name]}, is_end=lambda state: False)"
    file.write_text(
        "from seq2seq_arith.arithmetic.columns import Transducer\n"
        "from seq2seq_arith.arithmetic.operations import OPERATIONS as BUILT_IN\n"
        "import dataclasses\n"
        f"small = {{'max_size': 3, 'suite': lambda size: (), 'held_out': lambda size: (), 'transducer': {rule}}}\n"
        "OPERATIONS = {'sums': dataclasses.replace(BUILT_IN['addition'], **small)}\n"
    )
    own_tasks.use(file)
    with input_error(InputError):
        question_automaton(Task("sums"))


def test_a_fault_in_a_rule_of_the_package_is_not_hidden(monkeypatch):
    def step(state: int, left: str, right: str) -> Iterator[tuple[str, int]]:
        raise ZeroDivisionError

    broken = Transducer(starts=(0,), step=step, is_end=bool)
    monkeypatch.setattr(Task, "operation", dataclasses.replace(Task("addition").operation, transducer=broken))
    with pytest.raises(ZeroDivisionError):
        question_automaton(Task("addition"))
