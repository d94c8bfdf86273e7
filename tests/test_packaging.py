"""The packages that are built from the checkout, installed beside Hugging Face's ``datasets``."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parent.parent
FLOORS = ("pipelines", "datasets", "trainer")
# What a fresh clone has not.
IGNORED = shutil.ignore_patterns(".*", "build", "dist", "data", "runs", "*.egg-info", "__pycache__")
SECONDS = 1200


def run(*command: object, cwd: Path) -> str:
    """What a program prints, run away from the checkout and without its Python path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "HF_HOME": str(cwd / "hugging_face")}
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The checkout as a fresh clone has it."""
    return shutil.copytree(CHECKOUT, tmp_path_factory.mktemp("clone") / "checkout", ignore=IGNORED)


@pytest.fixture(scope="module")
def packages(clone) -> dict[str, Path]:
    """The sdist, and the wheel that is built from it."""
    out = clone.parent / "dist"
    run(sys.executable, "-m", "build", "--outdir", out, clone, cwd=clone.parent)
    return {"sdist": next(out.glob("*.tar.gz")), "wheel": next(out.glob("*.whl"))}


def sources(clone: Path) -> set[str]:
    """Every file of the floors that has to be installed, by its path in the checkout."""
    wanted = ("*.py", "py.typed", "README.md", "CITATIONS.bib", "TAGS.txt")
    found = {file for floor in FLOORS for pattern in wanted for file in (clone / floor).rglob(pattern)}
    return {str(file.relative_to(clone)) for file in found}


def test_the_wheel_has_every_module_and_no_top_level_name_but_ours(clone, packages):
    names = set(zipfile.ZipFile(packages["wheel"]).namelist())
    installed = {name for name in names if ".dist-info/" not in name}
    assert installed == {f"seq2seq_arith/{path}" for path in sources(clone)}
    assert {f"seq2seq_arith/{floor}/py.typed" for floor in FLOORS} <= installed
    assert "seq2seq_arith/__init__.py" not in installed
    about = {name.split(".dist-info/")[1] for name in names - installed}
    assert about >= {"METADATA", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_sdist_has_all_that_is_built_and_read(clone, packages):
    with tarfile.open(packages["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= sources(clone) | {"setup.py", "pyproject.toml", "README.md", "LICENSE"}


# Installed


class Environment:
    """A virtual environment that had nothing in it but Hugging Face's ``datasets``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "venv"
        self.bin = self.folder / "bin"
        self.away = folder / "away"
        self.away.mkdir()
        run(sys.executable, "-m", "venv", "--without-pip", self.folder, cwd=folder)
        self.site = next(self.folder.glob("lib/python*/site-packages"))

    def pip(self, *arguments: object) -> None:
        run(sys.executable, "-m", "pip", "--python", self.bin / "python", *arguments, "--quiet", cwd=self.away)

    def python(self, program: str, *arguments: object) -> list:
        """What a program prints as JSON in its last line."""
        output = run(self.bin / "python", "-c", program, *arguments, cwd=self.away)
        return json.loads(output.splitlines()[-1])

    def stamps(self) -> dict[str, tuple[int, int]]:
        """Size and time of every installed file, programs included; what Python compiles for itself left out."""
        files = [file for folder in (self.site, self.bin) for file in folder.rglob("*") if file.is_file()]
        return {
            str(file.relative_to(self.folder)): (file.stat().st_size, file.stat().st_mtime_ns)
            for file in files
            if file.suffix != ".pyc"
        }


@pytest.fixture(scope="module")
def environment(packages, tmp_path_factory) -> Environment:
    """Hugging Face's ``datasets``, and what ours depends on, installed for it and nothing else."""
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.pip("install", "datasets")
    made.pip("install", packages["wheel"])
    made.pip("uninstall", "--yes", "seq2seq_arith")
    return made


@pytest.fixture(params=["wheel", "sdist", "editable"])
def installed(request, environment, packages, clone) -> Iterator[Environment]:
    """The environment with ours in it, which is as it was before when ours has gone."""
    before = environment.stamps()
    what = ["--editable", clone] if request.param == "editable" else [packages[request.param]]
    environment.pip("install", "--no-deps", *what)
    try:
        meanwhile = environment.stamps()
        assert {path: meanwhile.get(path) for path in before} == before
        yield environment
    finally:
        environment.pip("uninstall", "--yes", "seq2seq_arith")
    assert environment.stamps() == before


def test_it_works_beside_hugging_face(installed, tmp_path):
    data_dir = tmp_path / "data"
    generate = ["generate", "addition", "--num-examples=1000", f"--data-dir={data_dir}"]
    assert "900 train, 100 validation" in run(installed.bin / "arith-data", *generate, cwd=installed.away)
    assert "train" in run(installed.bin / "arith-model", "--help", cwd=installed.away)

    # Read by TFDS without us, made by TFDS with us, and read by Hugging Face's package, all in one process.
    question, made, ours, theirs, rows, card = installed.python(
        """
import json, sys
import datasets
import tensorflow_datasets as tfds
alone = tfds.load("seq2seq_arith/addition-n1000", data_dir=sys.argv[1], split="train", as_supervised=True)
question = next(iter(alone.take(1)))[0].numpy().decode()
assert "seq2seq_arith.datasets" not in sys.modules

import seq2seq_arith.datasets
config = seq2seq_arith.datasets.ArithConfig("pq", digits=9, num_examples=20)
made = tfds.load("seq2seq_arith", data_dir=sys.argv[1], builder_kwargs={"config": config})
card = seq2seq_arith.datasets.Builder.get_metadata()
files = sys.argv[1] + "/seq2seq_arith/addition-n1000/1.0.0/parquet/train-*.parquet"
rows = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=sys.argv[1] + "/cache")
print(json.dumps([
    question, {split: len(examples) for split, examples in made.items()},
    seq2seq_arith.datasets.__file__, datasets.__file__, [len(rows), rows[0]["question"]],
    [len(card.description) > 1000, len(card.citation) > 100, len(card.tags)],
]))
""",
        data_dir,
    )
    assert made == {"train": 18, "validation": 2}
    assert rows == [900, question]
    assert card == [True, True, 5]
    assert Path(theirs) == installed.site / "datasets/__init__.py"
    assert Path(ours) != Path(theirs)


def test_importing_it_first_leaves_hugging_face_its_name(installed):
    names = installed.python("""
import json
import seq2seq_arith.datasets, seq2seq_arith.pipelines, seq2seq_arith.trainer
import datasets
rows = datasets.Dataset.from_dict({"a": [1, 2]}).num_rows
print(json.dumps([rows, datasets.__file__, seq2seq_arith.datasets.__name__]))
""")
    assert names == [2, str(installed.site / "datasets/__init__.py"), "seq2seq_arith.datasets"]
