"""The files for those who publish and cite: workflows that may do little, and versions that agree."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import seq2seq_arith

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_pinned_actions_and_few_permissions(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    jobs = workflow["jobs"].values()
    given = [workflow["permissions"], *(job["permissions"] for job in jobs if "permissions" in job)]
    assert {(name, value) for each in given for name, value in each.items()} <= {
        ("contents", "read"),
        ("id-token", "write"),
    }
    assert all(job["timeout-minutes"] <= 120 for job in jobs)


def test_the_citation_names_this_version_and_repository():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == seq2seq_arith.__version__
    assert f'Repository = "{citation["repository-code"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert citation["license"] == "Apache-2.0"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go, which builds actionlint")
def test_actionlint_finds_nothing():
    command = ["go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7", *map(str, WORKFLOWS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_versions_of_colab_are_allowed():
    """No bound of the package asks Colab to replace one of its own; ``make matrix`` installs and tests them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["train-cpu"]]
    bounds = {requirement.name: requirement.specifier for requirement in map(Requirement, needed)}
    lines = (ROOT / ".ci/colab.txt").read_text(encoding="utf-8").splitlines()
    colab = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"keras", "numpy", "pyarrow", "tensorflow-cpu"} <= set(colab)
    assert [name for name, version in colab.items() if version not in bounds[name]] == []
