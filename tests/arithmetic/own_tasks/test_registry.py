"""Tasks of one's own: named, remembered by the sha256 of their file, and taken along to other processes."""

import dataclasses
import pickle
import subprocess
import sys

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.plugin_code import digest

EXAMPLE = ROOT / "examples/task/own_tasks.py"
GCD = """
import numpy as np
from seq2seq_arith.arithmetic.notation import DECIMAL, Solved
from seq2seq_arith.arithmetic.operations import Operation

OPERATIONS = {
    "gcd": Operation(
        symbol="g", notation=DECIMAL, alphabet="0123456789g ", solve=lambda size, a, b: Solved(np.gcd(a, b)),
        max_digits=18, question_width=lambda size: 2 * size + 1, answer_width=lambda size: size, digits=3,
        recipe_family="decimal",
    ),
}
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Each test begins without tasks of one's own."""
    monkeypatch.setattr(registry, "_current", {})
    monkeypatch.setattr(registry, "_known", {})


@pytest.fixture
def gcd(tmp_path):
    path = tmp_path / "gcd.py"
    path.write_text(GCD)
    return path


def test_the_tasks_of_a_file_are_tasks(gcd):
    with pytest.raises(InputError, match="there is no task 'gcd', only addition, "):
        Task("gcd")
    assert registry.use(gcd) == ("gcd",)
    task = Task("gcd", digits=2, seed=5)
    assert text.answer(text.parse("12g18", task)) == "6"
    assert task.config_name == "gcd-d2-s5"
    assert Task.from_name("gcd-d2-s5") == task == Task.from_parameters(task.parameters())
    assert task.replace(seed=0) == Task("gcd", digits=2)
    assert task.parameters()["code_sha256"] == digest(gcd.read_bytes())
    assert task.code == str(gcd)
    assert "code_sha256" not in Task("addition").parameters()


def test_another_content_is_another_task(gcd):
    registry.use(gcd)
    old = Task("gcd")
    gcd.write_text(GCD + "# another comment\n")
    registry.use(gcd)
    assert Task("gcd") != old
    assert old.operation is not Task("gcd").operation
    parameters = old.parameters()
    registry._known.pop(("gcd", old.code_sha256))
    with pytest.raises(InputError, match=r"is code with the sha256 \w{12}…, and .*gcd\.py has \w{12}…: it has changed"):
        Task.from_parameters(parameters)


def test_parameters_do_not_run_code(gcd):
    registry.use(gcd)
    parameters = Task("gcd").parameters()
    registry._current.clear()
    registry._known.clear()
    with pytest.raises(InputError, match=r"runs only if you name its file; if you trust it, add: --task-file FILE\.py"):
        Task.from_parameters(parameters)
    with pytest.raises(InputError, match="code_sha256 is given, but addition is a task of this package"):
        Task.from_parameters(Task("addition").parameters() | {"code_sha256": "0" * 64})


def test_a_task_takes_its_code_to_another_process(gcd):
    """Also if the file is gone there, or has changed."""
    registry.use(gcd)
    task = dataclasses.replace(Task("gcd"), seed=3)
    packed = pickle.dumps(task)
    gcd.unlink()
    code = (
        "import pickle, sys; from seq2seq_arith.arithmetic import text; task = pickle.load(sys.stdin.buffer); "
        "print(task.config_name, text.answer(text.parse('12g18', task)))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout == b"gcd-s3 6\n"
    assert pickle.loads(pickle.dumps(Task("addition"))) == Task("addition")


def test_an_installed_package_gives_its_tasks_names(tmp_path, monkeypatch):
    """As entry points do: a distribution is a folder with metadata."""
    (tmp_path / "their_tasks.py").write_text(GCD + 'theirs = OPERATIONS["gcd"]\nwrong = 7\n')
    metadata = tmp_path / "their_tasks-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-tasks\nVersion: 1\n")
    points = "theirs = their_tasks:theirs\nwrong = their_tasks:wrong\n"
    (metadata / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    registry.installed.cache_clear()
    try:
        task = Task("theirs")
        assert task.code == "their_tasks:theirs"
        assert task.code_sha256 == digest((tmp_path / "their_tasks.py").read_bytes())
        packed = pickle.dumps(task)
        registry._current.clear()
        registry._known.clear()
        assert pickle.loads(packed) == task
        with pytest.raises(
            InputError, match="their_tasks:wrong: the task 'wrong' is of the type int; give an Operation"
        ):
            Task("wrong")
    finally:
        registry.installed.cache_clear()


@pytest.mark.parametrize("name", ["copy", "reverse", "sort", "addition_of_three"])
def test_the_examples(name):
    registry.use(EXAMPLE)
    task = Task(name)
    asked, right = {
        "copy": ("hello", "hello"), "reverse": ("hello", "olleh"), "sort": ("hello", "ehllo"),
        "addition_of_three": ("99+5+1", "105"),
    }[name]  # fmt: skip
    question = text.parse(asked, task)
    assert text.answer(question) == right
    assert text.written(question.stored, task) == asked
    with pytest.raises(InputError, match="leave it out"):
        Task(name, ordered=False)
