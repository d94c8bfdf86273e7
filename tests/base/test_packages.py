"""Packages that may be missing, and the sentence that says what to install."""

import importlib.metadata
import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from layout import ROOT

from seq2seq_arith import __version__
from seq2seq_arith.base import packages

HEAVY = {"apache_beam", "tensorflow_datasets", "pyarrow", "tensorflow", "keras", "matplotlib", "rich"}


def test_versions_help_and_refusals_import_nothing_heavy():
    """No time is asserted, but what takes it."""
    code = """
import json, sys
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.__main__ import main as arith_model
WRONG = "--model latch_tagger --input-format plain", "--input-format sideways", "--model lstm_transformer --hidden 9"
for options in WRONG:
    assert arith_model(["train", "addition", "--data-dir", "D", "--run-dir", "R", *options.split()]) == 2, options
for main, words in ((arith_model, "train --help"), (arith_data, "-V"), (arith_model, "--version")):
    try:
        main(words.split())
    except SystemExit as end:
        assert end.code == 0
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 3
    *lines, modules = done.stdout.splitlines()
    lines = lines[lines.index(f"arith-data {__version__}") :]
    assert set(json.loads(modules)) & HEAVY == set()
    _, *version_lines = lines[: len(lines) // 2]
    assert lines[len(lines) // 2] == f"arith-model {__version__}"
    versions = {name.strip(): version for name, version in (line.rsplit("  ", 1) for line in version_lines)}
    assert list(versions) == ["Python", *packages.PACKAGES]
    assert len({line.rindex("  ") for line in version_lines}) == 1  # they stand in a column
    assert versions["Apache Beam"] == version("apache-beam")
    assert versions["Python"].startswith("3.")


def test_what_has_no_release_for_this_python_is_not_to_be_installed(monkeypatch, input_error):
    monkeypatch.setattr(packages, "is_installed", lambda module: False)
    with input_error(packages.InputError), monkeypatch.context() as newer:
        newer.setattr(sys, "version_info", SimpleNamespace(minor=14))
        packages.require("arith-model", "keras", "train")


def test_the_markers_of_the_project_say_which_python_is_too_new():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    heavy = [
        line for extra in ("train", "train-cpu", "gpu") for line in extras[extra] if "keras" in line or "flow" in line
    ]
    assert len(heavy) == 6
    assert set(packages.NEWEST_PYTHON.values()) == {13}
    assert {line.partition("; ")[2] for line in heavy} == {"python_version < '3.14'"}


def test_the_package_lists_its_programs():
    done = subprocess.run([sys.executable, "-m", "seq2seq_arith"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"seq2seq_arith {__version__}\n  Python ")
    assert "python -m seq2seq_arith.trainer" in done.stdout


REQUIRES = ["numpy>=2.1.2", 'keras<4,>=3.13; extra == "train"', 'boto3>=1.35; extra == "aws"']
COMMIT = {"vcs": "git", "commit_id": "1a2b"}


@pytest.mark.parametrize(
    ("origin", "arguments"),
    [
        ({"url": "file://HERE", "dir_info": {"editable": True}}, ["--editable", ".[train]"]),
        ({"url": "file://HERE/my%20folder", "dir_info": {}}, ["HERE/my folder[train]"]),
        ({"url": "file://HERE/a.whl", "archive_info": {}}, ["HERE/a.whl[train]"]),
        ({"url": "https://host/a.whl", "archive_info": {}}, ["seq2seq_arith[train] @ https://host/a.whl"]),
        ({"url": "https://host/a", "vcs_info": COMMIT}, ["seq2seq_arith[train] @ git+https://host/a@1a2b"]),
        ({"url": "file://HERE/removed", "dir_info": {"editable": True}}, ["keras<4,>=3.13"]),
        (None, ["keras<4,>=3.13"]),
    ],
)
def test_an_extra_is_installed_from_where_the_package_came(origin, arguments, tmp_path, monkeypatch):
    (tmp_path / "my folder").mkdir()
    (tmp_path / "a.whl").touch()
    text = origin and json.dumps(origin).replace("HERE", str(tmp_path))
    distribution = SimpleNamespace(read_text=lambda name: text, requires=REQUIRES)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: distribution)
    monkeypatch.chdir(tmp_path)
    assert packages._with_extra("train") == [argument.replace("HERE", str(tmp_path)) for argument in arguments]


def test_an_extra_of_a_checkout_that_is_not_installed(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    option, source = packages._with_extra("train")
    assert (option, source.endswith("[train]")) == ("--editable", True)
