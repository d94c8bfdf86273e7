"""The pages are short, and true: their Python runs, the programs accept their commands, and what they name exists."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import reference
from layout import ROOT
from programs import python, run

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.recipes import DEMO_TASKS

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
# The tests of the examples follow these pages, step by step.
EXAMPLES = sorted((ROOT / "examples").glob("*/README.md"))
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    re.split("[#>]", line)[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith(("arith-", "make "))
]
# A file or a folder of the checkout: pipelines/steps/dedup.py. After one, a line may name its neighbours as cutoff.py.
TOP = ("seq2seq_arith", "pipelines", "datasets", "trainer", "benchmarks", "runners", "examples", "docs", "tests")
PATH = re.compile(rf"(?<![\w/.$])(?:(?:{'|'.join(TOP)})/[\w/.]*|[\w/]+\.py)(?![\w/-])")


# One process for all three, because importing TensorFlow takes seconds.
MAKE = """
import sys
from seq2seq_arith.pipelines.__main__ import main as data
from seq2seq_arith.trainer.__main__ import main as model
sys.exit(
    data(["generate", "addition", "--data-dir", "data"])
    or data(["card", "data"])
    or model("train addition --data-dir data --run-dir runs/addition --epochs 1 --steps-per-epoch 5".split())
    or model(["export", "runs/addition", "exported"])
)
"""


# All examples in one process, for the same reason; each has its own names, and the traceback of its failure is kept.
RUN = """
import contextlib, io, json, sys, traceback
results = []
for code in json.load(sys.stdin):
    printed, failure = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "example.py", "exec"), {"__name__": "__main__"})
    except BaseException:
        failure = traceback.format_exc()
    results.append((printed.getvalue(), failure))
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, tuple[str, str]]:
    """Output and traceback of each example, run outside the checkout beside a dataset and an exported model."""
    folder = tmp_path_factory.mktemp("readme")
    quiet = {"HF_HOME": str(folder / "huggingface"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    python(MAKE, cwd=folder, **quiet)
    printed = json.loads(python(RUN, cwd=folder, stdin=json.dumps(PYTHON), **quiet).splitlines()[-1])
    return dict(zip(PYTHON, printed, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("code", PYTHON, ids=[code.strip().splitlines()[-1][:40] for code in PYTHON])
def test_python_runs_as_it_stands(code, results):
    printed, failure = results[code]
    assert failure == ""
    # Each example prints what it found.
    assert printed.strip()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("arith-")])
def test_commands_are_accepted(command):
    from seq2seq_arith.pipelines import commands as data
    from seq2seq_arith.trainer import commands as model

    program, *arguments = shlex.split(command)
    parser = {"arith-data": data.parser, "arith-model": model.parser}[program]()
    _, rest = parser.parse_known_args([re.sub(r"^[DR]$", "x", argument) for argument in arguments])
    # Beam knows the rest.
    if rest:
        from seq2seq_arith.pipelines.beam.options import pipeline_options

        assert program == "arith-data"
        pipeline_options(rest)


def test_no_two_trainings_of_the_pages_take_one_folder():
    """A folder takes one run; a training with other settings is refused there, also after ``make demo``."""
    # The demo's runs, and those of the blocks of Python, which have settings of their own.
    taken: dict[str, set[tuple[str, ...]]] = {f"runs/{task}": {(task,)} for task in DEMO_TASKS}
    taken |= {folder: {("Python",)} for folder in re.findall(r'run_dir="(.*?)"', "\n".join(PYTHON))}
    for command in COMMANDS:
        if command.startswith("arith-model train "):
            words = [word for word in shlex.split(command)[2:] if word != "--dry-run"]
            # Where the run goes, and where the data are, are not settings.
            places = {name: words.index(name) for name in ("--run-dir", "--data-dir")}
            values = {index + step for index in places.values() for step in (0, 1)}
            settings = tuple(word for index, word in enumerate(words) if index not in values)
            taken.setdefault(words[places["--run-dir"] + 1], set()).add(settings)
    assert {folder: runs for folder, runs in taken.items() if len(runs) > 1} == {}


def test_no_command_of_the_pages_replaces_an_editable_installation():
    """As the one of ``make demo`` is: what a person edits in the checkout would no longer have any effect."""
    commands = re.findall(r"pip install(?: -\S+)* '?\.(?![\w/]).*", TEXT)
    assert commands and [command for command in commands if "--editable" not in command] == []


def test_a_table_has_a_line_per_row():
    """Else it is shown as one paragraph, as after a formatter has joined its lines."""
    rules = [line.strip() for line in TEXT.splitlines() if "|---" in line.replace(" ", "")]
    assert len(rules) > 100 and [rule for rule in rules if not re.fullmatch(r"[|:\s-]+", rule)] == []


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    named |= set(re.findall(r"`make\s([a-z-]+)`", TEXT))
    assert {"demo", "test"} <= named <= targets
    assert re.findall(r'(?<!")\$\(CURDIR\)', makefile) == []  # whose name may have a blank


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    listed = re.findall(r"^  make (\S+) +\S", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(target for target in phony[1].split() if "/" not in target)
    assert subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout == done.stdout


@pytest.mark.parametrize("page", PAGES + EXAMPLES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """To a file, an image, or a heading."""
    broken = []
    for target in re.findall(r"(?:\]\(|src(?:set)?=\")(?!https?://)([^)\"]+)[)\"]", page.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (heading and heading not in headings(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    missing = []
    for line in page.read_text(encoding="utf-8").splitlines():
        folders = [ROOT]
        for name in PATH.findall(line):
            paths = [folder / name for folder in folders if (folder / name.rstrip(".")).exists()]
            if paths:
                folders = [ROOT, paths[-1].parent, ROOT / name.partition("/")[0], *folders]
            elif "/" in name or len(folders) > 1:
                missing.append(name)
    assert missing == []


def test_the_pair_of_the_architecture_is_a_real_one():
    """The draw, its pair, its shard and its strings are those of the default dataset."""
    page = (ROOT / "docs/contribute/architecture.md").read_text(encoding="utf-8")
    first = re.search(r"Draw (\d+) of the default dataset of addition is the pair \((\d+), (\d+)\)", page)
    assert first
    number, *pair = map(int, first.groups())
    task, num_shards = Task("addition"), 8
    key = reference.key(task, *reference.draw(task, number))
    assert list(reference.draw(task, number)) == pair
    assert all(reference.key(task, *reference.draw(task, earlier)) != key for earlier in range(number))
    shard = reference.key_hash(task, 1, *key) * num_shards >> 64
    assert f"its key is ({key[0]}, {key[1]}); a hash of the key names shard {shard}\n" in page
    assert f"train.tfrecord-{shard:05d}-of-{num_shards:05d} " in page
    question, answer = reference.text(task, *pair)
    assert f'"{question}", "{answer}" ' in page


VECTORS = (ROOT / "docs/reference/test-vectors.md").read_text(encoding="utf-8")
METADATA_ROWS = dict(re.findall(r"^\| `(\w+)` \| `([0-9a-f]{64})` \|$", VECTORS, re.MULTILINE))


@pytest.mark.parametrize(
    "name", ["addition", *(pytest.param(row, marks=pytest.mark.slow) for row in METADATA_ROWS if row != "addition")]
)
def test_the_metadata_of_the_default_datasets(tmp_path, name):
    """Their sha256, for ``verify --sha256`` and ``fetch --sha256``."""
    run("generate", name, "--no-parquet", "--data-dir", "data", cwd=tmp_path, check=True)
    metadata = json.loads((tmp_path / "data" / "seq2seq_arith" / name / "1.0.0" / "metadata.json").read_text())
    assert metadata["sha256"] == METADATA_ROWS[name]


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in titles}
