"""The registries: every entry can be used, refusals need no TensorFlow, and nothing is listed a second time."""

import ast
import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from layout import ROOT, modules

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import options_of
from seq2seq_arith.trainer.arguments import parse_numbers
from seq2seq_arith.trainer.commands import parse
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.recipes import DEMO_TASKS, RECIPES, recipe
from seq2seq_arith.trainer.registry import GIVEN, MODELS, VIEWS, Cost, ModelEntry, check_model, check_view
from seq2seq_arith.trainer.sweeps import plan, results

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

# The names that are listed, the one module that lists it, and how many of its names in a row make a second list.
# They repeat rules on purpose.
WITNESSES = "pipelines.checking."
LISTS = {
    "models": (set(MODELS), "trainer.registry", 3),
    "views": (set(VIEWS), "trainer.registry", 3),
    "recipes": (set(RECIPES), "trainer.recipes", 3),
    "breakdowns": ({name for each in OPERATIONS.values() for name in each.breakdowns}, "arithmetic.operations", 3),
    "options": (set(options_of(ModelConfig)) | set(options_of(TrainConfig)), "trainer.config", 3),
}


def test_a_network_must_say_its_costs():
    missing = dataclasses.MISSING
    for entry, expected in ((ModelEntry, {"build", "help", "cost"}), (Cost, {"kept", "gates"})):
        fields = dataclasses.fields(entry)
        assert {each.name for each in fields if each.default is each.default_factory is missing} == expected


@pytest.mark.parametrize("task", OPERATIONS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_fits_every_task(name, task):
    """Of the published learning rates, the smallest is 1e-3 and the largest 3e-2; one with a slip learns nothing."""
    config = recipe(name, task)
    check_model(config.model.name, config.model.view, Task(task))
    assert 1e-4 <= config.learning_rate <= 0.05


@pytest.mark.parametrize(
    ("model", "view", "task", "sentence"),
    [
        ("lstm", "aligned", "pq", "the view 'aligned' lines up decimal digits and pq has none; use --view raw"),
        (
            "convolution",
            "raw",
            "addition",
            "model 'convolution' writes one character per step, but the view 'raw' of addition has 7 question steps "
            "and 4 answer steps; use --view aligned",
        ),
    ],
)
def test_what_does_not_fit_is_refused(model, view, task, sentence):
    with pytest.raises(InputError) as caught:
        check_model(model, view, Task(task))
    assert str(caught.value) == sentence


@pytest.mark.parametrize("view", VIEWS)
def test_only_views_of_digits_are_refused_for_dashes(view):
    if VIEWS[view].needs_digits:
        with pytest.raises(InputError):
            check_view(view, Task("pq"))
    else:
        check_view(view, Task("pq"))


def test_every_view_says_what_it_gives_and_the_pages_explain_it():
    assert {view.given for view in VIEWS.values()} <= set(GIVEN)
    table = re.search(r"^\| given \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert table
    assert re.findall(r"^\| (.+?) \| (.+?) \|", table[1], re.MULTILINE) == list(GIVEN.items())
    rows = {f"| `{name}`": view.given for name, view in VIEWS.items()}
    for start, given in rows.items():
        assert any(line.startswith(start) and line.endswith(f"| {given} |") for line in TEXT.splitlines()), start


def test_refusals_import_no_tensorflow():
    code = """
import sys
from seq2seq_arith.trainer.__main__ import main
for options in ("--model convolution --view raw", "--view sideways", "--model lstm_transformer --hidden 9"):
    assert main(["train", "addition", "--data-dir", "D", "--run-dir", "R", *options.split()]) == 2, options
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 3


def names_in(node: ast.AST) -> Iterator[set[str]]:
    """The strings of every tuple, list, set and mapping, and the words of every text that is not a docstring.

    A layer's ``get_config`` names the arguments of its constructor, which may be called as options are.
    """
    if isinstance(node, ast.FunctionDef) and node.name == "get_config":
        return
    if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
        elements = node.keys if isinstance(node, ast.Dict) else node.elts
        yield {part.value for part in elements if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.Expr):
            yield set(re.findall(r"\w+", child.value))
        yield from names_in(child)


def test_there_is_no_second_list():
    lists = set()
    for module, file in modules().items():
        for found in names_in(ast.parse(file.read_text(encoding="utf-8"))):
            lists |= {
                f"{module}, {kind}: {', '.join(sorted(names & found))}"
                for kind, (names, home, most) in LISTS.items()
                if len(names & found) >= most and module != home and not module.startswith(WITNESSES)
            }
    assert lists == set()


def test_a_second_list_would_be_found():
    assert list(names_in(ast.parse("KNOWN = ('lstm', 'gru')"))) == [{"lstm", "gru"}, {"lstm"}, {"gru"}]
    assert {"lstm", "gru"} in list(names_in(ast.parse("add(help='lstm, gru')")))


def test_the_makefile_has_no_tasks_of_its_own():
    """``make demo`` makes the data that ``arith-model demo`` trains on."""
    named = set(OPERATIONS) & set(re.findall(r"\w+", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert named <= set(DEMO_TASKS)
    assert not named or named == set(DEMO_TASKS)


@pytest.mark.parametrize(("kind", "names"), [("model", MODELS), ("view", VIEWS), ("recipe", RECIPES)])
def test_the_pages_name_no_other(kind, names):
    for line in re.findall(rf"--{kind} ([a-z_]+)(?![\w.:/])", TEXT):
        assert line in names


def test_the_pages_describe_every_recipe_and_view():
    for name in (*RECIPES, *VIEWS):
        assert f"`{name}`" in TEXT, name
    tables = re.findall(r"^\| recipe \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    described = [re.findall(r"^\| `(\w+)`", table, re.MULTILINE) for table in tables]
    assert described == [list(RECIPES)]


def seeds_of(text: str) -> list[int]:
    return parse_numbers("seeds", text, "0-9")


def test_the_stored_results_are_those_of_the_recipes(monkeypatch):
    """Whoever changes a recipe, or settings that were measured, measures them again."""
    monkeypatch.chdir(ROOT)  # from where code of one's own is named
    rows = results.read(ROOT / "benchmarks/results.jsonl")
    files = [ROOT / f"benchmarks/{name}.toml" for name in ("recipes", "networks", "curriculum")]
    planned = {each.name: each for file in files for each in plan.read(file, [], seeds_of)}
    assert len(rows) > 30
    for row in rows:
        each = planned[f"{row['run']}-seed{row['seed']}"]
        task, config = configuration(parse(["train", *each.words(), "--data-dir=D", "--run-dir=R"]))
        stored = TrainConfig.from_json(row["settings"])
        assert stored == dataclasses.replace(config, deterministic=stored.deterministic), row["run"]
        assert row["dataset"] == task.config_name
        assert row["suite"] == each.suite
