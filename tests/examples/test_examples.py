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

from seq2seq_arith.trainer.__main__ import check_suite, configuration
from seq2seq_arith.trainer.arguments import parse
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run
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


@pytest.mark.slow
def test_a_model_of_ones_own_is_killed_goes_on_and_is_asked_and_exported(tmp_path):
    """With the file alone in another folder, the installed program, and a kill after the first checkpoint."""
    shutil.copy(ROOT / "examples/own_model.py", tmp_path)
    data = "--digits 2 --num-examples 2000 --num-validation 200 --draws digits"
    options = f"--recipe raw {data} --hidden 16 --epochs 8 --checkpoint-seconds 0"
    own = ["--model", "own_model.py:transformer"]

    def start(*words):
        program = [sys.executable, "-m", "seq2seq_arith.trainer", *words, *own]
        return subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(*words):
        process = start(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return out

    def train(name):
        return ("train", "addition", "--data-dir", "data", "--run-dir", name, *options.split())

    run(*train("whole"))
    victim = start(*train("killed"))
    while not (tmp_path / "killed/last.npz").exists():
        assert victim.poll() is None
        time.sleep(0.02)
    victim.kill()
    victim.communicate()
    assert "goes on from there" in run(*train("killed"))
    whole, killed = (checkpoints.load(tmp_path / name / "last.npz")[0] for name in ("whole", "killed"))
    assert {key: array.tobytes() for key, array in whole.items()} == {key: a.tobytes() for key, a in killed.items()}
    assert "worst slice" in run("evaluate", "killed", "--per-slice", "5")
    asked = run("predict", "killed", "12+34")
    run("export", "killed", "out")
    assert (tmp_path / "out/own_model.py").exists()
    code = (
        "import tensorflow as tf; m = tf.saved_model.load('out/saved_model'); print(m.answer(['12+34'])['answer'][0])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert repr(asked.strip().removeprefix("12+34 = ").encode()) in done.stdout


@pytest.mark.parametrize("file", ["examples/sweep.toml", "benchmarks/recipes.toml"])
def test_a_sweep_of_ours_can_be_trained_and_evaluated(file, tmp_path):
    """All that is checked before a training is right."""
    planned = plan.read(ROOT / file, [0], lambda text: [int(text.partition("-")[0])])
    assert len(planned) >= 5
    for each in planned:
        task, config = configuration(parse(["train", *each.words(), "--data-dir=D", "--run-dir=R"]))
        check_suite(parse(["evaluate", "R", *plan.typed(each.suite)]), Run(tmp_path, task, "", "", config))


def test_keras_fit_is_what_the_pages_show():
    """``tests/test_readme.py`` runs the Python of the pages."""
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
    indented = textwrap.indent(textwrap.dedent(entry), "        ")
    (root / file).write_text(text[: head.end()] + indented + text[head.end() :], encoding="utf-8")
