"""The files for those who publish and cite: workflows that may do little, and versions that agree."""

import functools
import http.server
import itertools
import re
import runpy
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from flaky import serving
from layout import ROOT
from packaging.requirements import Requirement

import seq2seq_arith

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
# The files in which addresses may stand, and folders that are not those of the project.
ADDRESSED = {".md", ".toml", ".cff", ".yml", ".ipynb", ".py", ".html", ".cfg", ".txt", ".xml", ".json"}
COPIES = ROOT / "docs/notebooks"  # which make docs makes (docs/conf.py)
HIDDEN = {".venv", ".git", "build", "dist", "data", "runs", ".ipynb_checkpoints", "__pycache__", ".pytest_cache"}
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_pinned_actions_and_few_permissions(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    used = re.findall(r"uses: (?!\./)(\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    jobs = workflow["jobs"].values()
    permissions = [workflow["permissions"], *(job["permissions"] for job in jobs if "permissions" in job)]
    assert {(name, value) for granted in permissions for name, value in granted.items()} <= {
        ("contents", "read"),
        ("id-token", "write"),
        *(("pages", may) for may in ("read", "write") if path.name == "pages.yml"),
    }
    assert all(job["timeout-minutes"] <= 120 for job in jobs if "uses" not in job)


def test_every_case_of_the_matrix_runs_once_a_week():
    matrix = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text())["jobs"]["matrix"]["strategy"]["matrix"]
    first, end = map(int, re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', PROJECT)[0])
    assert matrix["python"] == [f"3.{minor}" for minor in range(first, end)]
    jobs = [*itertools.product(matrix["python"], matrix["packages"]), *(case.values() for case in matrix["include"])]
    cases = runpy.run_path(str(ROOT / ".ci/matrix"))["cases"](dict.fromkeys(matrix["python"], "python3"))
    assert sorted(map(", ".join, jobs)) == sorted(cases)


def test_every_part_of_the_release_runs_in_a_workflow():
    """Its tests once a week."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text(encoding="utf-8"))["jobs"]
    release, makefile = ((ROOT / name).read_text(encoding="utf-8") for name in (".ci/release", "Makefile"))
    (tests,) = re.findall(r'^TESTS="(.*)"$', release, re.MULTILINE)
    assert jobs["release"]["strategy"]["matrix"]["part"] == tests.split()
    (folders,) = re.findall(r"^FOLDERS := (.*)$", makefile, re.MULTILINE)
    assert {*tests.split()} == {*folders.split(), *re.findall(r"^PART_(\w+) :=", makefile, re.MULTILINE)}
    assert all((ROOT / "tests" / folder).is_dir() for folder in folders.split())
    (targets,) = re.findall(r"^for target in (.*); do$", release, re.MULTILINE)
    workflows = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    assert [target for target in targets.split() if not re.search(rf"(make .*|\.ci/)\b{target}\b", workflows)] == []


def test_the_fixtures_import_no_other_package_of_the_extra_test_than_the_matrix_installs():
    extra = {Requirement(line).name for line in tomllib.loads(PROJECT)["project"]["optional-dependencies"]["test"]}
    absent = extra - {*runpy.run_path(str(ROOT / ".ci/matrix"))["TOOLS"]}
    files = [*(ROOT / "tests").rglob("conftest.py")]
    for file in files:  # and what they import of tests/support, which is appended
        imported = re.findall(r"^(?:import|from) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert absent.isdisjoint(imported), file
        files += {path for name in imported if (path := ROOT / f"tests/support/{name}.py").exists()} - {*files}


def test_a_release_is_made_once_and_is_what_its_tag_says(tmp_path):
    """An index that has version 0.1.0, and a checkout of a version in each state."""
    released = tmp_path / "index/pypi/seq2seq_arith/0.1.0/json"
    released.parent.mkdir(parents=True)
    released.write_text("{}")
    checkout = tmp_path / "checkout"
    for name in (".ci", "seq2seq_arith/base"):
        (checkout / name).mkdir(parents=True)
    shutil.copy(ROOT / ".ci/unreleased", checkout / ".ci")
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## 0.2.0\n\n## 0.1.0\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "index")
    with serving(handler) as url:
        index = {"INDEX": url}

        def input_error(tag: str, version: str) -> str:
            (checkout / "seq2seq_arith/base/version.py").write_text(f'__version__ = "{version}"\n')
            program = [sys.executable, checkout / ".ci/unreleased", tag]
            return subprocess.run(program, env=index, capture_output=True, text=True, check=False).stderr.strip()

        assert input_error("v0.2.0", "0.2.0") == ""
        assert input_error("v0.1.0", "0.1.0") == "0.1.0 was released before; give it a new number"
        assert input_error("v0.2.0", "0.2.1") == "the tag is v0.2.0, and the package's version is 0.2.1"
        assert input_error("v0.2.0.dev0", "0.2.0.dev0") == "0.2.0.dev0 is a version of development"
        assert input_error("v0.3.0", "0.3.0") == "CHANGELOG.md has no section 0.3.0"


def test_the_citation_and_the_changelog_name_this_version():
    """Between two releases, it is a version of development."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    number, development, _ = seq2seq_arith.__version__.partition(".dev")
    assert re.findall(r"^## (.*)", changelog, re.MULTILINE)[0] == (f"Unreleased ({number})" if development else number)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == seq2seq_arith.__version__
    assert f'Repository = "{citation["repository-code"]}"' in PROJECT
    assert citation["license"] == "Apache-2.0"


def test_one_command_sets_every_address(tmp_path):
    """In a copy: then the old addresses are nowhere, and the command back gives the old files."""
    tops = [top for top in ROOT.iterdir() if top.name not in HIDDEN]
    paths = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top])]
    shown = (path for path in paths if COPIES not in path.parents and not HIDDEN & {*path.parts})
    files = [path for path in shown if path.suffix in ADDRESSED]
    for path in [*files, ROOT / ".ci/address"]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)

    def texts() -> dict[str, str]:
        return {str(path): (tmp_path / path.relative_to(ROOT)).read_text(encoding="utf-8") for path in files}

    def address(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, tmp_path / ".ci/address", *words]
        return subprocess.run(program, capture_output=True, text=True, check=False)

    before = texts()
    repository, site = runpy.run_path(str(tmp_path / ".ci/address"))["present"]()
    assert sum(text.count(repository) + text.count(site) for text in before.values()) > 20
    assert address("someone/else", "https://example.org/else/").returncode == 0
    remaining = [path for path, text in texts().items() if repository in text or site in text]
    assert remaining == []
    assert address(repository, site).returncode == 0
    assert texts() == before
    assert address("https://github.com/someone/else").returncode == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go, which builds actionlint")
def test_actionlint_finds_nothing():
    command = ["go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7", *map(str, WORKFLOWS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_versions_of_colab_are_allowed():
    """No bound of the package asks Colab to replace one of its own; ``make matrix`` installs and tests them."""
    project = tomllib.loads(PROJECT)["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["train-cpu"]]
    bounds = {requirement.name: requirement.specifier for requirement in map(Requirement, needed)}
    lines = (ROOT / ".ci/colab.txt").read_text(encoding="utf-8").splitlines()
    colab = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"keras", "numpy", "pyarrow", "tensorflow-cpu"} <= set(colab)
    assert [name for name, version in colab.items() if version not in bounds[name]] == []
