"""The examples: their steps are followed word for word in a copy of the checkout."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from layout import LAYERS, PACKAGE, ROOT

from seq2seq_arith.trainer.commands.sweep import checked
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.sweeps import plan

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Runs commands in turn; our programs and pytest in this one process, because importing TensorFlow takes seconds.
RUN = """
import json, subprocess, sys
import pytest
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.__main__ import main as arith_model
programs = {"arith-data": arith_data, "arith-model": arith_model, "python -m pytest": pytest.main}
for words in json.loads(sys.argv[1]):
    name = " ".join(words[:3]) if words[0] == "python" else words[0]
    arguments = words[len(name.split()):]
    code = programs[name](arguments) if name in programs else subprocess.call(words)
    if code:
        sys.exit(f"{words} ended with {code}")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("example", "said"), [("model", r"^39\+3 = "), ("task", r"^12m7 = ")], ids=["model", "task"])
def test_the_steps_work_as_they_stand(example, said, tmp_path):
    root = checkout(tmp_path / "checkout")
    guide = (ROOT / "examples" / example / "README.md").read_text(encoding="utf-8")
    add_entry(root, guide)
    blocks = "".join(re.findall(r"^ *```sh\n(.*?)```", guide, re.MULTILINE | re.DOTALL))
    commands = [shlex.split(line) for line in blocks.replace("\\\n", " ").splitlines() if line.strip()]
    assert len(commands) >= 4
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    run = [sys.executable, "-c", RUN, json.dumps(commands)]
    done = subprocess.run(run, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(said, done.stdout, re.MULTILINE), done.stdout


# A network, a view and a task, as somebody writes them who has only the installed package.
MINE = '''"""A causal model of attention, a view that doubles characters, and the larger of two numbers."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from seq2seq_arith.arithmetic import numbers
from seq2seq_arith.arithmetic.notation import DECIMAL, Solved
from seq2seq_arith.arithmetic.operations import Operation
from seq2seq_arith.trainer.data.views import View


class Twice(View):
    """Every character of the question twice, side by side."""

    def __init__(self, name, task):
        super().__init__(name, task)
        self.question_shape = (task.question_width, 2)

    def encode_question(self, strings):
        ids = super().encode_question(strings)
        return tf.stack([ids, ids], axis=2)

    def decode_question(self, ids):
        return super().decode_question(ids[:, :, 0])


def causal(spec):
    """A block of attention over the question and the characters before."""
    question, previous = spec.question(), spec.previous()
    steps = question.shape[1]
    ids = ops.concatenate([question[:, :, 0], previous], axis=1)
    places = ops.arange(steps + spec.steps)[None, :] + 0 * ids
    sequence = layers.Embedding(spec.depth + 1, spec.hidden, name="characters")(ids)
    sequence = sequence + layers.Embedding(steps + spec.steps, spec.hidden, name="places")(places)
    attention = layers.MultiHeadAttention(spec.options.get("heads", 2), spec.hidden // 2, name="attention")
    sequence = sequence + attention(sequence, sequence, use_causal_mask=True)
    inner = layers.Dense(2 * spec.hidden, "gelu", name="up")(layers.LayerNormalization(name="norm")(sequence))
    sequence = sequence + layers.Dense(spec.hidden, name="down")(inner)
    written = layers.Cropping1D((steps, 0), name="answer")(sequence)
    logits = layers.Dense(spec.depth, dtype="float32", name="logits")(written)
    return keras.Model([question, previous], logits, name=spec.name)


OPERATIONS = {
    "larger": Operation(
        symbol="m",
        notation=DECIMAL,
        alphabet="0123456789m ",
        solve=lambda digits, left, right: Solved(numbers.min_max(left, right)[1]),
        max_digits=100,
        question_width=lambda digits: 2 * digits + 1,
        answer_width=lambda digits: digits,
        digits=2,
        recipe_family="decimal",
    ),
}
'''


@pytest.mark.slow
def test_a_model_a_view_and_a_task_of_ones_own_are_killed_go_on_and_are_asked_and_exported(tmp_path):
    """One file has all three."""
    (tmp_path / "mine.py").write_text(MINE)
    settings = "--recipe raw --num-examples 2000 --num-validation 200 --hidden 16 --epochs 6 --checkpoint-seconds 0"
    train = ["train", "larger", "--data-dir", "data", *settings.split(), "--run-dir"]
    named = {"--model": "mine.py:causal", "--view": "mine.py:Twice", "--task-file": "mine.py"}
    own = [word for pair in named.items() for word in pair]

    def start(*words):
        program = [sys.executable, "-m", "seq2seq_arith.trainer", *words]
        return subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(*words, code=0):
        process = start(*words)
        out, err = process.communicate(timeout=600)
        assert process.returncode == code, err
        return out if not code else err

    run(*train, "whole", *own)
    victim = start(*train, "killed", *own)
    while not (tmp_path / "killed/last.npz").exists():
        assert victim.poll() is None
        time.sleep(0.02)
    victim.kill()
    victim.communicate()
    assert "goes on from there" in run(*train, "killed", *own)
    whole, killed = (checkpoints.load(tmp_path / name / "last.npz")[0] for name in ("whole", "killed"))
    assert {key: array.tobytes() for key, array in whole.items()} == {key: a.tobytes() for key, a in killed.items()}
    assert "larger has no suite, so no hard questions were asked" in run("evaluate", "killed", *own)
    asked = run("predict", "killed", "12m34", *own)
    for option, name in named.items():
        others = [word for pair in named.items() if pair[0] != option for word in pair]
        said = run("predict", "killed", "12m34", *others, code=2)
        assert f"if you trust it, add: {option} {tmp_path}/{name}" in said
    run("export", "killed", "out", *own)
    assert (tmp_path / "out/mine.py").read_text() == MINE
    code = (
        "import tensorflow as tf; m = tf.saved_model.load('out/saved_model'); print(m.answer(['12m34'])['answer'][0])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert repr(asked.strip().removeprefix("12m34 = ").encode()) in done.stdout


@pytest.mark.release
@pytest.mark.parametrize(
    ("task", "options", "question", "right"),
    [
        ("copy", "--letters 3 --num-examples 6000 --epochs 4", "cab", "cab"),
        ("reverse", "--letters 3 --num-examples 6000 --epochs 4", "cab", "bac"),
        ("sort", "--letters 3 --num-examples 6000 --epochs 6", "cab", "abc"),
        ("addition_of_three", "--digits 1 --num-examples 900 --epochs 60 --batch-size 64", "7+8+9", "24"),
    ],
)
def test_the_tasks_of_the_example_are_learned(task, options, question, right, tmp_path):
    """By the recipe of their family, with the installed programs; the score is that of unseen questions."""
    own = ["--task-file", str(ROOT / "examples/task/own_tasks.py")]

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", f"seq2seq_arith.{words[0]}", *words[1:], *own],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("trainer", "train", task, *options.split(), "--data-dir", "data", "--run-dir", "run")
    (directory,) = (tmp_path / "data/seq2seq_arith").glob(f"{task}*/1.0.0")
    assert "examples are as they should be" in run("pipelines", "verify", str(directory))
    history = (tmp_path / "run/history.csv").read_text().splitlines()
    place = history[0].split(",").index("val_exact_match")
    assert max(float(row.split(",")[place]) for row in history[1:]) >= 0.9
    assert run("trainer", "predict", "run", question).strip() == f"{question} = {right}"


@pytest.mark.parametrize("file", ["examples/sweep.toml", "benchmarks/recipes.toml"])
def test_a_sweep_of_ours_can_be_trained_and_evaluated(file):
    """All that is checked before a training is right."""
    planned = plan.read(ROOT / file, [0], lambda text: [int(text.partition("-")[0])])
    assert len(planned) >= 5
    for each in planned:
        assert checked(each)[0].name == each.task


def test_keras_fit_is_what_the_pages_show():
    """``tests/house/test_readme.py`` runs the Python of the pages."""
    code = (ROOT / "examples" / "keras_fit.py").read_text(encoding="utf-8")
    assert any(f"```python\n{code}```" in page.read_text(encoding="utf-8") for page in PAGES)


def checkout(folder: Path) -> Path:
    """A copy of the checkout, without what is not in the repository."""
    for name in (PACKAGE, *LAYERS, "examples", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, folder)
    return folder


def add_entry(root: Path, guide: str) -> None:
    """Adds the Python block of a guide to the registry that the sentence before it names."""
    found = re.search(r"Add\s+to\s+`(\w+)`\s+in\s+`([\w/.]+)`:\n\n *```python\n(.*?)```", guide, re.DOTALL)
    assert found
    name, file, entry = found.groups()
    text = (root / file).read_text(encoding="utf-8")
    head = re.search(rf"^{name}: .*?\{{\n(?=    )", text, re.MULTILINE | re.DOTALL)
    assert head
    above = re.search(rf"Add\s+above\s+`{name}`\s+in\s+`[\w/.]+`:\n\n *```python\n(.*?)```", guide, re.DOTALL)
    before = textwrap.dedent(above[1]) + "\n\n" if above else ""
    indented = textwrap.indent(textwrap.dedent(entry), "        ")
    parts = (text[: head.start()], before, head[0], indented, text[head.end() :])
    (root / file).write_text("".join(parts), encoding="utf-8")
