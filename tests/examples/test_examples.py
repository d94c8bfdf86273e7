"""The examples: their steps are followed word for word in a copy of the checkout."""

import json
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
from programs import python
from run_files import weights

from seq2seq_arith.trainer.commands.sweep import job_of
from seq2seq_arith.trainer.sweeps import plan

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


def run(commands: list[list[str]], folder: Path, **environment: str) -> str:
    """Runs commands in a folder, and returns what they print."""
    return python(RUN, json.dumps(commands), cwd=folder, **environment)


@pytest.mark.slow
def test_the_steps_work_as_they_stand(tmp_path):
    root = checkout(tmp_path / "checkout")
    guide = (ROOT / "examples" / "task" / "README.md").read_text(encoding="utf-8")
    add_entry(root, guide)
    blocks = "".join(re.findall(r"^ *```sh\n(.*?)```", guide, re.MULTILINE | re.DOTALL))
    commands = [shlex.split(line) for line in blocks.replace("\\\n", " ").splitlines() if line.strip()]
    assert len(commands) >= 4
    printed = run(commands, root, PYTHONPATH=str(root))
    assert re.search(r"^12m7 = ", printed, re.MULTILINE), printed


# An input format as somebody writes it who has only the installed package.
INPUT_FORMAT = '''
from seq2seq_arith.trainer.data.input_formats import InputFormat


class Turned(InputFormat):
    """The question from its end."""

    def encode_question(self, strings):
        return super().encode_question(strings)[:, ::-1]

    def decode_question(self, ids):
        return super().decode_question(ids[:, ::-1])
'''


@pytest.mark.slow
def test_a_model_an_input_format_and_a_task_of_ones_own_are_killed_go_on_and_are_asked_and_exported(tmp_path):
    (tmp_path / "input_format.py").write_text(INPUT_FORMAT)
    for file in ("own_model.py", "task/own_tasks.py"):
        shutil.copy(ROOT / "examples" / file, tmp_path)
    settings = "--recipe plain --num-examples 2000 --num-validation 200 --hidden 16 --epochs 6 --checkpoint-seconds 0"
    own = [
        "--model",
        "own_model.py:transformer",
        "--input-format",
        "input_format.py:Turned",
        "--task-file",
        "own_tasks.py",
    ]
    train = ["train", "sort", "--letters", "3", "--data-dir", "data", *settings.split(), *own, "--run-dir"]
    victim = subprocess.Popen([sys.executable, "-m", "seq2seq_arith.trainer", *train, "killed"], cwd=tmp_path)
    while not (tmp_path / "killed/last.npz").exists():
        assert victim.poll() is None
        time.sleep(0.02)
    victim.kill()
    victim.wait()
    queries = [["evaluate", "killed", *own], ["predict", "killed", "cab", *own], ["export", "killed", "out", *own]]
    printed = run([["arith-model", *words] for words in ([*train, "whole"], [*train, "killed"], *queries)], tmp_path)
    assert "resumes from there" in printed
    assert weights(tmp_path / "killed/last.npz") == weights(tmp_path / "whole/last.npz")
    assert "worst slice: alternating" in printed
    (answer,) = re.findall(r"^cab = (.*)$", printed, re.MULTILINE)
    assert (tmp_path / "out/own_model.py").read_text() == (tmp_path / "own_model.py").read_text()
    code = "import tensorflow as tf; m = tf.saved_model.load('out/saved_model'); print(m.answer(['cab'])['answer'][0])"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert repr(answer.encode()) in done.stdout


@pytest.mark.parametrize("file", ["examples/sweep.toml", "benchmarks/recipes.toml"])
def test_a_sweep_of_ours_can_be_trained_and_evaluated(file):
    """All that is checked before a training is right."""
    planned = {run.group: run for run in plan.read(ROOT / file, [0])}
    assert len(planned) >= 5
    for run in planned.values():
        assert job_of(run)[0].name == run.task


def checkout(folder: Path) -> Path:
    """A copy of the checkout, without what is not in the repository."""
    for name in (PACKAGE, *LAYERS, "examples", "tests"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, folder)
    return folder


def add_entry(root: Path, guide: str) -> None:
    """Adds each Python block of a guide to the registry that the sentence before it names."""
    blocks = re.findall(r"Add\s+to\s+`(\w+)`\s+in\s+`([\w/.]+)`:\n\n *```python\n(.*?)```", guide, re.DOTALL)
    assert blocks
    for name, file, entry in blocks:
        text = (root / file).read_text(encoding="utf-8")
        head = re.search(rf"^{name}: .*?\{{\n(?=    )", text, re.MULTILINE | re.DOTALL)
        assert head
        indented = textwrap.indent(textwrap.dedent(entry), "        ")
        (root / file).write_text(text[: head.end()] + indented + text[head.end() :], encoding="utf-8")
