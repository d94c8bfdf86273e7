"""The README and docs/ are true: their Python runs as it stands, and their commands are accepted by the programs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith(("arith-", "make "))
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    """A folder outside the checkout, with the default addition set under ``data`` and a model of it in ``exported``."""
    folder = tmp_path_factory.mktemp("readme")
    run("-m", "seq2seq_arith.pipelines", "generate", "addition", "--data-dir", "data", cwd=folder)
    model = ("-m", "seq2seq_arith.trainer")
    run(*model, "train", "addition", "--data-dir", "data", "--run-dir", "runs/addition", "--epochs", "1", cwd=folder)
    run(*model, "export", "runs/addition", "exported", cwd=folder)
    return folder


@pytest.mark.parametrize("code", PYTHON, ids=[code.strip().splitlines()[-1][:40] for code in PYTHON])
def test_python_runs_as_it_stands(code, workplace):
    (workplace / "example.py").write_text(code, encoding="utf-8")
    said = run("example.py", cwd=workplace)
    # Each of the examples prints what it found.
    assert said.strip()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("arith-")])
def test_commands_are_accepted(command):
    from seq2seq_arith.pipelines import __main__ as data
    from seq2seq_arith.trainer import __main__ as model

    program, *arguments = shlex.split(command)
    parser = {"arith-data": data._parser, "arith-model": model.parser}[program]()
    _, rest = parser.parse_known_args([re.sub(r"^[DR]$", "x", argument) for argument in arguments])
    # What is not ours is Beam's, and known to it.
    if rest:
        from seq2seq_arith.pipelines.options import pipeline_options

        assert program == "arith-data"
        pipeline_options(rest)


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def run(*arguments: str, cwd: Path) -> str:
    environment = os.environ | {"HF_HOME": str(cwd / "huggingface"), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
