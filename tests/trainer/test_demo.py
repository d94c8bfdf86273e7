"""What the demo shows, with small recipes. tests/test_demo.py holds what the real ones reach."""

import dataclasses
import itertools
import random
import re
import shlex
import types

import numpy as np
import pytest

from seq2seq_arith.trainer import demo, recipes
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.commands import ARITH_MODEL
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.evaluation import suites
from seq2seq_arith.trainer.recipes import Recipe, TaskRecipe
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary

pytestmark = pytest.mark.models

SMALL = TrainConfig(
    model=ModelConfig(name="bilstm_tagger", input_format="aligned", hidden=4), epochs=2, steps_per_epoch=3
)
COUNTING = TrainConfig(model=ModelConfig(name="counter", input_format="plain", hidden=4), epochs=1, steps_per_epoch=3)
QUESTIONS = {"subtraction": "53-53", "pq": "--p-"}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The demo of two small recipes, with what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    tasks = {
        "subtraction": TaskRecipe(config=SMALL, data={"size": 2, "num_examples": 300, "draws": "structured"}),
        "pq": TaskRecipe(config=COUNTING, data={"size": 20, "num_examples": 150}),
    }
    lines, scores, evaluate = list[str](), [], suites.evaluate_run

    def noted(*arguments, **options):
        scores.append(evaluate(*arguments, **options))
        return scores[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(suites, "evaluate_run", noted)
        patched.setattr(recipes, "RECIPES", {"best": Recipe(help="", tasks=tasks)})
        patched.setattr(demo, "say", lambda text="": lines.append(text))
        trained = demo.run(str(folder / "data"), str(folder / "runs"), questions=QUESTIONS)
    return types.SimpleNamespace(trained=trained, lines=lines, folder=folder, scores=scores)


def test_each_network_learns_in_two_lines_of_a_log(ended):
    """One at the beginning, and one at the end, which begin with the hard question of the task."""
    answers = [
        re.match(r"  after (\d+) of (\d+) steps: (\d+) of 10 right, for example (.*)", line) for line in ended.lines
    ]
    first, last, of_pq, _ = [match for match in answers if match]
    assert (first[2], last[1], last[2], of_pq[2]) == ("6", "6", "6", "3")
    assert int(first[1]) < 6
    assert first[4].startswith("53-53 = ") and of_pq[4].startswith("--p- = ")
    assert len(re.findall("[✓✗]", last[4])) == 3


def test_a_terminal_rewrites_the_answers(ended, monkeypatch):
    """Below the same questions, in the same lines: the cursor goes back, and clears what is below it."""
    lines = []
    monkeypatch.setattr(demo, "say", lambda text="": lines.append(text))
    monkeypatch.setattr(demo, "has_escapes", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    run = demo.OpenRun(ended.trained[0].run)
    state = types.SimpleNamespace(step=0)
    loop = types.SimpleNamespace(run=run.run, config=SMALL, state=state, learner=run.learner(), epoch_end=lambda _: 6)
    loop.validation = run.source.splits["validation"].head(10)
    shown = demo.Learning(loop, "53-53")
    outcomes = {"loss": np.zeros(3, np.float32)}
    for state.step in (0, 3):
        shown.on_steps(0, outcomes)
        shown._next = 0.0
    first, second = lines
    assert len(first.splitlines()) == 6 and first.startswith("  after 3 of 6 steps: ")
    assert second.startswith("\x1b[6F\x1b[J  after 6 of 6 steps: ")
    assert max(map(len, first.splitlines())) <= 80


def test_a_table_has_what_each_network_reached(ended):
    table = next(line for line in ended.lines if line.startswith("\ntask"))
    header, rule, *rows = table.strip().splitlines()
    assert cut(header, rule) == ["task", "exact match", "worst slice", "proved", "seconds", "hard question"]
    for name, result, suite, row in zip(QUESTIONS, ended.trained, ended.scores, rows, strict=True):
        summary, saved = result.summary, Summary.read(result.run.summary)
        assert saved and saved.scores == suite and dataclasses.replace(saved, scores=None) == summary
        proof = demo.OpenRun(result.run).proof
        cells = [name, f"{summary.exact_match:.4f}", suite.in_brief(), proof.in_brief() if proof else "-"]
        assert cut(row, rule)[:5] == [*cells, f"{summary.seconds:.1f}"]
        assert cut(row, rule)[5].startswith(f"{QUESTIONS[name]} = ") and row[-1] in "✓✗"


def test_a_network_that_can_be_proved_is_proved(ended):
    """Here it is wrong, and the demo says where; the other one cannot be proved."""
    assert [demo.OpenRun(result.run).proof is not None for result in ended.trained] == [False, True]
    event = ended.lines.index("\nA proof checks all cases: does pq answer every question right?")
    assert ended.lines[event + 1].startswith("not proved: -")


def test_beside_it_is_a_network_that_scores_well_and_fails(ended):
    shown, _, _ = ended.lines[-1].partition("\n\n")
    _, _, *rows = (re.split("  +", line) for line in shown.splitlines())
    facts = {name: cells for name, *cells in rows}
    assert facts["exact match"][0] == "1.0000"
    assert (facts["worst slice"][0], facts["proved"][0]) == ("equal 0.783", "wrong at 500-500")
    assert (facts["53-53"][0], facts[demo.RANDOM_QUESTION][0]) == ("0 ✓", "5537 ✓")
    shipped = TrainedRun(open_run(demo.RANDOM_PAIRS))
    numbers = random.Random(0).sample(range(10_000, 100_000), 200)
    assert shipped.predict(recipes.DEMO_QUESTIONS["subtraction"]) == ["00"]
    of_random = shipped.ask([f"{left}-{right}" for left, right in itertools.pairwise(numbers)]).column("right")
    of_equal = shipped.ask([f"{number}-{number}" for number in numbers]).column("right")
    assert np.mean(of_random) == 1 and np.mean(of_equal) < 0.9


def test_it_ends_with_the_command_that_opens_the_page(ended, monkeypatch):
    monkeypatch.chdir(ended.folder)
    title, line = ended.lines[-1].partition("\n\n")[2].splitlines()
    program, *words = shlex.split(line)
    assert title == "see both in your browser:" and program.endswith("arith-model")
    assert ARITH_MODEL.parse(words).command == "serve"
    assert words[-3:] == ["subtraction-random-pairs", "subtraction", "53-53"]


def cut(line: str, rule: str) -> list[str]:
    """The cells of a line of a table, by the line of dashes under its header."""
    return [line[match.start() : match.end()].strip() for match in re.finditer("-+", rule)]
