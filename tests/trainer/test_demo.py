"""The demo's tables, with small recipes. tests/test_demo.py holds what the real ones reach."""

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
from seq2seq_arith.trainer.evaluation import suites, summary_table
from seq2seq_arith.trainer.recipes import Recipe, TaskRecipe
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary

pytestmark = pytest.mark.models

SMALL = TrainConfig(
    model=ModelConfig(name="bilstm_tagger", input_format="aligned", hidden=4), epochs=1, steps_per_epoch=3
)
COUNTING = TrainConfig(model=ModelConfig(name="counter", input_format="plain", hidden=4), epochs=1, steps_per_epoch=3)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The demo of two small recipes, with what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    tasks = {
        "subtraction": TaskRecipe(config=SMALL, data={"size": 2, "num_examples": 300, "draws": "structured"}),
        "pq": TaskRecipe(config=COUNTING, data={"size": 20, "num_examples": 150}),
    }
    lines, asked, ask_run = [], [], suites.evaluate_run

    def noted(*arguments, **how):
        asked.append(found := ask_run(*arguments, **how))
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(suites, "evaluate_run", noted)
        patched.setattr(recipes, "RECIPES", {"best": Recipe(help="", tasks=tasks)})
        patched.setattr(demo, "say", lines.append)
        trained = demo.run(str(folder / "data"), str(folder / "runs"), questions={"subtraction": "53-53", "pq": "--p-"})
    return types.SimpleNamespace(trained=trained, lines=lines, folder=folder, asked=asked)


def test_it_ends_with_what_each_model_reached_and_took(ended):
    (header, rule, *rows), (title, *questions) = (text.strip().splitlines() for text in ended.lines[-4:-2])
    columns = list(zip(*(cut(row, rule) for row in (header, *rows)), strict=True))
    reached = ("exact match", "worst slice", "wrong", "proved")
    took = ("weights", "examples seen", "flops", "seconds")
    assert columns[0] == ("task", "trained on", "hints", *reached, *took, "CPU seconds")
    summaries = [each.summary for each in ended.trained]
    assert all(each.scores is None for each in summaries)  # it is asked when the training has ended, and saved
    for name, column, each, summary, found in zip(
        ("subtraction", "pq"), columns[1:], ended.trained, summaries, ended.asked, strict=True
    ):
        worst = found.worst()
        assert worst
        assert worst.wrong
        reached = (name, summary.dataset, summary.hints, f"{summary.exact_match:.4f}", f"{worst.slice} {worst}")
        reached += (found.total().in_words(), "-")
        took = (f"{summary.weights:,}", f"{summary.examples:,}", f"{summary.flops:.1e}")
        assert column == (*reached, *took, f"{summary.seconds:.1f}", f"{summary.cpu_seconds:.1f}")
        saved = Summary.read(each.run.summary)
        assert saved and saved.scores == found
        assert dataclasses.replace(saved, scores=None) == summary
    assert [summary.examples for summary in summaries] == [270, 135 + 128]
    assert title == "hard questions"
    asked = [line.split() for line in questions[2:]]
    assert [row[:3] for row in asked] == [["subtraction", "53-53", "0"], ["pq", "--p-", "q---"]]
    assert all(row[-1] in "✓✗" for row in asked)


def test_it_begins_with_what_the_data_look_like(ended):
    """Of all tasks, before the first of them is trained."""
    subtraction, pq = ended.lines[:2]
    assert "subtraction of at most 2 digits: 270 training and 30 validation examples" in subtraction
    assert len(re.findall(r"^-+p-+ +q-+ +\"-", pq, re.MULTILINE)) == 5


def test_beside_it_is_a_network_that_scores_well_and_fails(ended):
    shown, _, _ = ended.lines[-1].partition("\n\n")
    _, _, *rows = (re.split("  +", line) for line in shown.splitlines())
    facts = {name: cells for name, *cells in rows}
    assert facts["exact match"][0] == "1.0000"
    assert (facts["worst slice"][0], facts["proved"][0]) == ("equal 0.783", "wrong at 500-500")
    assert facts["53-53"] == ["0 ✓", ended.lines[-3].split("53-53")[1].split()[1] + " ✗"]
    shipped = TrainedRun(open_run(str(demo.RANDOM_PAIRS)))
    numbers = random.Random(0).sample(range(10_000, 100_000), 200)
    assert shipped.predict(recipes.DEMO_QUESTIONS["subtraction"]) == ["00"]
    of_random = shipped.ask([f"{left}-{right}" for left, right in itertools.pairwise(numbers)]).column("right")
    of_equal = shipped.ask([f"{number}-{number}" for number in numbers]).column("right")
    assert np.mean(of_random) == 1 and np.mean(of_equal) < 0.9


def test_what_it_says_to_try_next_works(ended, monkeypatch):
    monkeypatch.chdir(ended.folder)
    title, *lines = ended.lines[-1].partition("\n\n")[2].splitlines()
    words = [shlex.split(line) for line in lines[1::2]]
    assert (title, [each[1] for each in words]) == ("try next", ["predict", "report", "serve"])
    assert words[0][2].endswith("subtraction")
    for program, *arguments in words:
        assert program.endswith("arith-model")
        assert ARITH_MODEL.parse(arguments).command == arguments[0]
    assert words[-1][-3:] == ["subtraction-random-pairs", "subtraction", "53-53"]


def test_what_it_prints_fits_a_terminal(ended, monkeypatch):
    for width in (60, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        columns = {name: summary_table.facts(ended.trained[0].summary) for name in recipes.DEMO_TASKS}
        assert max(map(len, summary_table.compared(columns).splitlines())) <= width
    assert max(len(line) for text in ended.lines[-4:-1] for line in text.splitlines() if "  " in line) <= 80


def cut(line: str, rule: str) -> list[str]:
    """The cells of a line of a table, by the line of dashes under its header."""
    return [line[match.start() : match.end()].strip() for match in re.finditer("-+", rule)]
