"""The search for mistakes: its results are wrong answers, the same seed finds the same, and it counts its questions."""

import itertools
import json
import random
import shutil
import types
from unittest import mock

import numpy as np
import pytest
from layout import OWN_TASKS

from seq2seq_arith.arithmetic import breakdowns, own_tasks, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import SearchOptions
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.evaluation import answering, prediction, search
from seq2seq_arith.trainer.runs import evaluated, history
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.training import building
from seq2seq_arith.trainer.training.opened import OpenRun


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory) -> Run:
    """A copy of a run that has learned something, and not everything."""
    folder = tmp_path_factory.mktemp("searched") / "run"
    shutil.copytree(trained.folder, folder)
    return open_run(folder)


@pytest.fixture(scope="module")
def learner(run):
    return building.restore(run)


def test_results_are_mistakes_and_saved(run, learner, monkeypatch, capsys):
    options = SearchOptions(questions=5000, max_found=7, seed=3)
    monkeypatch.setattr(building, "restore", lambda *_: learner)
    (searched,) = search.search(OpenRun(run), options)
    printed = capsys.readouterr().out
    assert len(searched.wrong) == 7 <= searched.mistakes <= searched.asked <= 5000
    assert f"search at 3 digits: {searched.mistakes:,} of {searched.asked:,} questions are answered wrong\n" in printed
    questions = [mistake["question"] for mistake in searched.wrong]
    assert len(set(questions)) == 7
    for mistake in searched.wrong:
        left, right = map(int, mistake["question"].split("+"))
        assert mistake["answer"] == str(left + right) != mistake["prediction"]
        assert mistake["margin"] <= 0
        assert f"{mistake['question']} " in printed
    parsed = [text.parse(question, run.task) for question in questions]
    predictions = [answer for _, answer, _ in prediction.answers(lambda _: learner, parsed)]
    assert predictions == [mistake["prediction"] for mistake in searched.wrong]
    (saved,) = evaluated.searched(run, history.best(history.read_csv(run.history))["epoch"])
    assert (saved["digits"], saved["asked"], saved["wrong"]) == (3, searched.asked, searched.wrong)
    assert evaluated.searched(run, 999) == []
    (again,) = search.search(OpenRun(run), options)
    assert again == searched
    (other,) = search.search(OpenRun(run), SearchOptions(questions=5000, max_found=7, seed=4))
    assert other.wrong != searched.wrong


def test_margins_are_below_zero_where_the_answer_is_wrong(run, learner):
    examples = question_sets.examples(run.task, question_sets.all_questions(run.task, 40))
    exact = answering.evaluate(learner, examples).exact
    assert 0 < exact.sum() < len(exact)
    assert np.array_equal(learner.margins(examples) > 0, exact)


def test_a_small_task_is_evaluated_completely(run, learner):
    every = question_sets.examples(run.task, question_sets.all_questions(run.task, 10))
    wrong = {
        question[::-1].strip()
        for question, exact in zip(
            text.to_strings(every.questions), answering.evaluate(learner, every).exact, strict=True
        )
        if not exact
    }
    searched = search.Searched(1)
    search.climb(learner, searched, SearchOptions(questions=1000, max_found=1000))
    assert (searched.asked, searched.mistakes) == (100, len(wrong))
    assert {mistake["question"] for mistake in searched.wrong} <= wrong


def test_ctrl_c_keeps_the_results_so_far(run, learner, monkeypatch, capsys):
    run.search.unlink(missing_ok=True)
    margins, calls = learner.margins, []

    def interrupted(examples):
        calls.append(len(examples))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return margins(examples)

    monkeypatch.setattr(learner, "margins", interrupted)
    monkeypatch.setattr(building, "restore", lambda *_: learner)
    with pytest.raises(KeyboardInterrupt):
        search.search(OpenRun(run), SearchOptions())
    (saved,) = json.loads(run.search.read_text())["searches"]
    assert saved["asked"] == sum(calls[:2]) > 0
    assert len(saved["wrong"]) > 0
    assert "are answered wrong" in capsys.readouterr().out


class Chains:
    """Stands for a model of 30 digits: the longer a chain of carries, the smaller the margin; 25 carries are wrong."""

    input_format = types.SimpleNamespace(task=Task("addition", size=30))

    def margins(self, examples) -> np.ndarray:
        return 24.5 - breakdowns.longest_carries(*text.operands(self.input_format.task, examples.questions))


def test_climbing_finds_mistakes_that_chance_does_not(monkeypatch):
    learner, size = Chains(), 30
    most = np.array([10**18, 10**12], np.uint64)[:, np.newaxis]
    by_chance = np.random.default_rng(0).integers(0, most, (2, 2, 40_000), np.uint64)
    assert learner.margins(question_sets.examples(learner.input_format.task, tuple(by_chance))).min() > 0

    def wrong(_, examples, margins):
        return [{"question": question} for question in text.to_strings(examples.questions[margins < 0])]

    monkeypatch.setattr(search, "mistakes_of", wrong)
    searched = search.Searched(size)
    search.climb(learner, searched, SearchOptions(questions=40_000, max_found=1))
    assert searched.mistakes > 0


def test_at_most_two_mistakes_of_a_round_are_kept():
    searched, mistakes = search.Searched(3), [{"question": f"{number}+1"} for number in range(4)]
    for _ in range(3):
        searched.add(10, {"question": "9+1", "margin": -1.0}, mistakes, most=5)
    assert searched.wrong == [*mistakes[:2], *mistakes[:2], mistakes[0]]
    assert (searched.asked, searched.mistakes) == (30, 12)


def test_a_search_ends_after_its_seconds(monkeypatch):
    """By a clock on which each round takes two seconds."""
    monkeypatch.setattr(search, "mistakes_of", lambda *_: [])
    monkeypatch.setattr(search, "time", types.SimpleNamespace(monotonic=itertools.count(100, 2).__next__))
    for seconds, rounds in ((5, 2), (4, 1), (None, 5)):
        searched = search.Searched(30)
        search.climb(Chains(), searched, SearchOptions(questions=5 * search.ROUND, seconds=seconds))
        assert searched.asked == rounds * search.ROUND


def test_a_climb_ends_with_a_mistake_or_without_progress():
    climb = search.Climb()
    for number in range(search.ELITE):
        climb.add([(100.0 - number, ("1", str(number)))], False)
    assert [margin for margin, _ in climb.elite] == [37.0 + number for number in range(search.ELITE)]
    for number in range(search.PATIENCE):  # as near as the nearest is no progress
        assert climb.elite
        climb.add([(37.0 + number % 2, ("2", str(number)))], False)
    assert not climb.elite
    climb.add([(99.0, ("3", "3"))], False)  # a new climb, with other questions
    assert climb.elite == [(99.0, ("3", "3"))]
    climb.add([(98.0, ("4", "4"))], True)
    assert not climb.elite


@pytest.mark.parametrize(("max_found", "kept"), [(1000, [2, 2]), (3, [2, 1])])
def test_of_a_climb_two_mistakes_are_kept(max_found, kept, monkeypatch):
    """Of five in each round of two, all of which are counted; and at most ``max_found`` of all."""
    rounds = itertools.count()
    wrong = [[{"question": f"{number}+{n}"} for n in range(5)] for number in range(2)]
    monkeypatch.setattr(search, "mistakes_of", lambda *_: wrong[next(rounds)])
    searched = search.Searched(30)
    search.climb(Chains(), searched, SearchOptions(questions=2 * search.ROUND, max_found=max_found))
    assert searched.mistakes == 10
    assert searched.wrong == [mistake for part, count in zip(wrong, kept, strict=True) for mistake in part[:count]]


@pytest.mark.parametrize(
    ("task", "size"),
    [
        (Task("addition", size=40), 40),
        (Task("subtraction", size=5), 3),
        (Task("multiplication", size=1), 1),
        (Task("pq", size=1000), 1000),
        (Task("pq", size=30), 9),
        (Task("modular_addition", size=97), 97),
    ],
)
def test_variations_are_questions_of_the_task(task, size):
    """And they are not all alike: both operands take short and long forms."""
    words = search.Variations(task, size, random.Random(5))
    first = words.fresh((), set(), 300)
    later = words.fresh(first, {*first}, 300)
    assert len(first) + len(later) == len({*first, *later})
    assert len(first) > 50
    for operands in (*first, *later):
        assert all(task.notation.is_operand(operand) and task.notation.allows(size, operand) for operand in operands)
        assert text.parse(task.operation.symbol.join(operands), task).task == task
    if task.notation.has_lengths and size > 1:
        lengths = {len(operand) for operands in (*first, *later) for operand in operands}
        assert min(lengths) <= 2 and max(lengths) >= 0.9 * size


@pytest.mark.usefixtures("no_custom_tasks")
def test_variations_are_questions_of_custom_tasks():
    for name in own_tasks.use(OWN_TASKS):
        task = Task(name)
        words = search.Variations(task, task.size, random.Random(1))
        first = words.fresh((), set(), 100)
        for operands in (*first, *words.fresh(first, {*first}, 100)):
            assert text.parse(task.operation.symbol.join(operands), task).task == task


def test_results_are_printed_if_they_cannot_be_saved(run, learner, monkeypatch, capsys):
    monkeypatch.setattr(building, "restore", lambda *_: learner)
    monkeypatch.setattr(search, "write_json", mock.Mock(side_effect=WriteError("search.json", "full")))
    with pytest.raises(WriteError):
        search.search(OpenRun(run), SearchOptions(questions=100))
    assert "search at 3 digits: " in capsys.readouterr().out


def test_a_right_model_has_no_finds_and_the_package_is_not_written(capsys):
    shipped = open_run("pretrained:addition")
    assert main(["search", "pretrained:addition", "--questions", "500"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("search at 5 digits: none of 500 questions is answered wrong; the smallest margin is ")
    assert printed.endswith("; this proves nothing about other questions\n")
    assert not shipped.search.exists()


def test_input_errors(input_error):
    for wrong in ({"questions": 0}, {"seconds": 0}, {"max_found": 0}, {"seed": -1}):
        with input_error(InputError):
            SearchOptions(**wrong)
