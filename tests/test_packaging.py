"""The packages that are built from the checkout, installed beside Hugging Face's ``datasets``."""

import json
import os
import re
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
LAYERS = ("seq2seq_arith", "pipelines", "datasets", "trainer")
# These are in a working checkout, and not in a fresh clone: at its root, and anywhere in it.
AT_ROOT = {".git", ".venv", "build", "dist", "data", "runs", "exported", "other"}
ANYWHERE = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
# These tests take seconds, and together import every layer but the trainer.
QUICK = ["arithmetic/test_tasks.py", "pipelines/formats/test_tfrecord.py", "datasets/test_config.py"]
SECONDS = 1200
# Where the packages of the tests are, and among them Hugging Face's.
SITE = Path(pytest.__file__).parents[1]
HUGGING_FACE = str(SITE / "datasets/__init__.py")


def run(*command: object, cwd: Path, **variables: str) -> str:
    """Output of a program that succeeds, run without this process's Python path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1", **variables}
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The checkout as a fresh clone has it."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        return ANYWHERE(folder, names) | (AT_ROOT if Path(folder) == CHECKOUT else set())

    return shutil.copytree(CHECKOUT, tmp_path_factory.mktemp("clone") / "checkout", ignore=ignored, symlinks=True)


@pytest.fixture(scope="module")
def packages(clone) -> dict[str, Path]:
    """The sdist, and the wheel that is built from it."""
    out = clone.parent / "dist"
    run(sys.executable, "-m", "build", "--outdir", out, clone, cwd=clone.parent)
    return {"sdist": next(out.glob("*.tar.gz")), "wheel": next(out.glob("*.whl"))}


def sources(clone: Path) -> set[str]:
    """Every file that has to be installed, by its path in the checkout."""
    wanted = (
        "*.py",
        "*.pyi",
        "py.typed",
        "seq2seq_arith/README.md",
        "CITATIONS.bib",
        "TAGS.txt",
        "templates/*",
        "static/*",
        "pretrained/*/*.*",
        "pretrained/*/epochs/*",
    )
    files = {file for layer in LAYERS for pattern in wanted for file in (clone / layer).rglob(pattern)}
    return {str(file.relative_to(clone)) for file in files}


def test_the_wheel_has_every_module_and_no_top_level_name_but_ours(clone, packages):
    names = set(zipfile.ZipFile(packages["wheel"]).namelist())
    installed = {name for name in names if ".dist-info/" not in name}
    assert installed == {f"seq2seq_arith/{path.removeprefix('seq2seq_arith/')}" for path in sources(clone)}
    assert {"seq2seq_arith/__init__.py", "seq2seq_arith/py.typed"} <= installed
    about = {name.split(".dist-info/")[1] for name in names - installed}
    assert about >= {"METADATA", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_sdist_is_the_whole_checkout(clone, packages):
    with tarfile.open(packages["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    files = {str(file.relative_to(clone)) for file in clone.rglob("*") if file.is_file()}
    assert len(files) > 150
    assert files - names == set()


@pytest.fixture(scope="module", params=["zip", "without links"])
def tree(request, clone, tmp_path_factory) -> Path:
    """The checkout in a zip of the repository, unpacked, and in a clone where Git makes no links, as on Windows.

    In both, the links of the root package are text files.
    """
    folder = tmp_path_factory.mktemp("tree")
    repository, tree = folder / "repository", folder / "tree"
    shutil.copytree(clone, repository, symlinks=True)
    author = ["-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "core.excludesFile="]
    run("git", "init", "--quiet", cwd=repository)
    run("git", "add", "--all", cwd=repository)
    run("git", *author, "commit", "--quiet", "--message=all", cwd=repository)
    if request.param == "zip":
        run("git", "archive", "--format=zip", f"--output={folder}/main.zip", "HEAD", cwd=repository)
        zipfile.ZipFile(folder / "main.zip").extractall(tree)
    else:
        run("git", "-c", "core.symlinks=false", "clone", "--quiet", repository, tree, cwd=folder)
    assert (tree / "seq2seq_arith/trainer").is_file()
    return tree


def test_a_tree_without_links_builds_the_same_wheel(tree, packages):
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tree / "dist", tree, cwd=tree.parent)
    wheels = map(zipfile.ZipFile, (packages["wheel"], next((tree / "dist").glob("*.whl"))))
    expected, built = ({name: wheel.read(name) for name in wheel.namelist()} for wheel in wheels)
    assert built == expected


def test_a_tree_without_links_works_installed_as_editable(tree, environment, tmp_path):
    environment.pip("install", "--no-deps", "--no-build-isolation", "--editable", tree)
    try:
        assert environment.python(WHERE) == [
            *(str(tree / "seq2seq_arith" / part) for part in ("", "base")),
            *(str(tree / layer) for layer in LAYERS[1:]),
        ]
        generate = ["generate", "addition", "--num-examples=1000", f"--data-dir={tmp_path}"]
        assert "900 train" in run(environment.bin / "arith-data", *generate, cwd=environment.away)
    finally:
        environment.pip("uninstall", "--yes", "seq2seq_arith")


def description(wheel: Path) -> tuple[str, str]:
    """The fields and the text of a wheel's metadata, which PyPI shows."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    fields, _, text = archive.read(name).decode().partition("\n\n")
    return fields, text


def test_pypi_would_take_the_packages(packages):
    output = run(sys.executable, "-m", "twine", "check", "--strict", *packages.values(), cwd=CHECKOUT)
    assert output.count("PASSED") == 2
    run(sys.executable, "-m", "check_wheel_contents", packages["wheel"], cwd=packages["wheel"].parent)


def test_every_link_of_the_page_is_absolute_and_leads_to_a_file(packages):
    fields, text = description(packages["wheel"])
    (repository,) = re.findall("^Project-URL: Repository, (.*)$", fields, re.MULTILINE)
    targets = re.findall(r"(?:\]\(|src(?:set)?=\")([^)\"]+)[)\"]", text)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    ours = [target.split("/main/")[1] for target in targets if target.startswith(f"{repository}/")]
    assert len(ours) > 10
    assert [path for path in ours if not (CHECKOUT / path.partition("#")[0]).exists()] == []


# Installed


class Environment:
    """A virtual environment that had nothing of ours in it before, but packages of the same names as our layers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "venv"
        self.bin = self.folder / "bin"
        self.away = folder / "away"
        self.away.mkdir()
        run(sys.executable, "-m", "venv", "--without-pip", self.folder, cwd=folder)
        self.site = next(self.folder.glob("lib/python*/site-packages"))
        self.kind = ""

    def pip(self, *arguments: object) -> None:
        run(sys.executable, "-m", "pip", "--python", self.bin / "python", *arguments, "--quiet", cwd=self.away)

    def python(self, program: str, *arguments: object, cwd: Path | None = None, **variables: str) -> list:
        """The JSON that a program prints in its last line."""
        output = run(self.bin / "python", "-c", program, *arguments, cwd=cwd or self.away, **variables)
        return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Environment:
    """Two packages that are called like our layers, and beside them all packages of the tests, Hugging Face's too.

    A line of a .pth file brings these, but not what is installed as editable among them: ours.
    """
    environment = Environment(tmp_path_factory.mktemp("environment"))
    (environment.site / "tested.pth").write_text(f"{SITE}\n")
    for name in ("pipelines", "trainer"):
        (environment.site / name).mkdir()
        (environment.site / name / "__init__.py").write_text("raise ImportError('this is another project')\n")
    return environment


@pytest.fixture(
    scope="module", params=["wheel", *(pytest.param(kind, marks=pytest.mark.release) for kind in ("sdist", "editable"))]
)
def installed(request, environment, packages, clone) -> Iterator[Environment]:
    """The environment with ours in it, installed once for all tests of one kind."""
    source = ["--editable", clone] if request.param == "editable" else [packages[request.param]]
    environment.pip("install", "--no-deps", *source)
    environment.kind = request.param
    yield environment
    environment.pip("uninstall", "--yes", "seq2seq_arith")


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory) -> Path:
    """The folder that the sdist unpacks to."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(packages["sdist"]) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


WHERE = """
import importlib, json, pathlib
names = ["seq2seq_arith", *("seq2seq_arith." + layer for layer in ("base", "pipelines", "datasets", "trainer"))]
print(json.dumps([str(pathlib.Path(importlib.import_module(name).__file__).parent) for name in names]))
"""


def layers_of(checkout: Path) -> list[str]:
    """The folders of the root package, of ``base`` and of the three layers in a checkout."""
    return [str(checkout / "seq2seq_arith" / part) for part in ("", "base", *LAYERS[1:])]


def quick_tests(environment: Environment, checkout: Path, cwd: Path, **variables: str) -> None:
    """Runs the quick tests of a checkout."""
    output = run(
        environment.bin / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider",
        *(checkout / "tests" / test for test in QUICK), cwd=cwd, **variables,
    )  # fmt: skip
    assert " passed" in output.splitlines()[-1]


@pytest.mark.parametrize("place", ["the root of the checkout", pytest.param("elsewhere", marks=pytest.mark.release)])
def test_it_works_without_being_installed(place, environment, clone, tmp_path):
    cwd, variables = (clone, {}) if place != "elsewhere" else (tmp_path, {"PYTHONPATH": str(clone)})
    assert environment.python(WHERE, cwd=cwd, **variables) == layers_of(clone)
    quick_tests(environment, clone, cwd, **variables)


def test_it_works_installed(installed, clone, unpacked):
    """Also from the root of a checkout: its root package must not hide the layers, nor mix with the installed ones."""
    site = installed.site / "seq2seq_arith"
    expected = [str(site / part) for part in ("", "base", *LAYERS[1:])]
    assert installed.python(WHERE) == (layers_of(clone) if installed.kind == "editable" else expected)
    assert installed.python(WHERE, cwd=clone) == layers_of(clone)
    # The tests of the sdist run from it, and with the safe path they test the installed package.
    checkout = unpacked if installed.kind == "sdist" else clone
    quick_tests(installed, checkout, checkout, PYTHONSAFEPATH="1")


def test_it_works_beside_hugging_face(installed, tmp_path):
    data_dir = tmp_path / "data"
    generate = ["generate", "addition", "--num-examples=1000", f"--data-dir={data_dir}"]
    assert "900 train, 100 validation" in run(installed.bin / "arith-data", *generate, cwd=installed.away)
    assert "train" in run(installed.bin / "arith-model", "--help", cwd=installed.away)

    # One process reads with TFDS alone, makes a dataset with TFDS and ours, and reads with Hugging Face's package.
    question, splits, ours, theirs, rows, card = installed.python(
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
        HF_HOME=str(tmp_path / "hugging_face"),
    )
    assert splits == {"train": 18, "validation": 2}
    assert rows == [900, question]
    assert card == [True, True, 5]
    assert theirs == HUGGING_FACE
    assert ours != theirs


# Without TensorFlow

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def plain(packages, tmp_path_factory) -> Environment:
    """What the package brings without an extra."""
    environment = Environment(tmp_path_factory.mktemp("plain"))
    environment.pip("install", "--no-compile", packages["wheel"])
    return environment


def test_the_package_alone_is_small_and_brings_no_tensorflow(plain):
    assert sum(file.stat().st_size for file in plain.site.rglob("*") if file.is_file()) < 500 * MEGABYTE
    absent = {"tensorflow", "keras", "matplotlib", "pandas", "scipy"}
    assert absent & {path.name for path in plain.site.iterdir()} == set()


def test_data_is_made_verified_and_read_without_tensorflow(packages, plain, tmp_path):
    data_dir = tmp_path / "data"
    size = "--num-examples=1000"
    path = data_dir / "seq2seq_arith/addition-n1000/1.0.0"
    program = plain.bin / "arith-data"
    assert "examples" in run(program, "plan", "addition", size, cwd=plain.away)
    assert "900 train" in run(program, "generate", "addition", size, f"--data-dir={data_dir}", cwd=plain.away)
    assert "as they should be" in run(program, "verify", path, cwd=plain.away)
    assert "question" in run(program, "suite", "addition", cwd=plain.away)
    results = plain.python(
        """
import json, sys
import pyarrow.parquet
import tensorflow_datasets as tfds
import seq2seq_arith.datasets
builder = tfds.builder("seq2seq_arith/pq", data_dir=sys.argv[1])
splits = tfds.builder_from_directory(sys.argv[2]).info.splits
rows = pyarrow.parquet.read_table(sys.argv[2] + "/parquet/train-00000-of-00008.parquet").num_rows
try:
    tfds.load("seq2seq_arith/addition-n1000", data_dir=sys.argv[1])
except seq2seq_arith.InputError as error:
    sentence = str(error)
heavy = [name for name in ("tensorflow", "keras") if name in sys.modules]
print(json.dumps([builder.info.full_name, splits["train"].num_examples, rows > 50, sentence, heavy]))
""",
        data_dir,
        path,
    )
    sentence = results.pop(3)
    assert sentence.startswith(f"tfds.load needs tensorflow, which is not installed: {plain.bin}/python")
    assert sentence.endswith(f" -m pip install '{packages['wheel']}[train]'")
    assert results == ["seq2seq_arith/pq/1.0.0", 900, True, []]


def test_array_record_is_read_without_tensorflow(plain, tmp_path):
    """By TFDS, and by Grain as the page of readers shows it."""
    plain.pip("install", "grain")
    data_dir = tmp_path / "data"
    generate = ["generate", "addition", "--num-examples=1000", "--array-record", f"--data-dir={data_dir}"]
    run(plain.bin / "arith-data", *generate, cwd=plain.away)
    page = (CHECKOUT / "docs/how-to/load-elsewhere.md").read_text(encoding="utf-8")
    (grain,) = (block for block in re.findall(r"```py\n(.*?)```", page, re.DOTALL) if "import grain" in block)
    results = plain.python(
        f"""
import json, sys
import tensorflow_datasets as tfds
train = tfds.data_source("seq2seq_arith/addition-n1000", split="train", data_dir=sys.argv[1])
{grain}
heavy = [name for name in ("tensorflow", "keras", "seq2seq_arith") if name in sys.modules]
print(json.dumps([len(train), len(batches), len(set(batches[0]["question"])), train[899]["answer"].decode(), heavy]))
""",
        data_dir,
    )
    assert results[:3] == [900, 29, 32]
    assert results[4] == []
