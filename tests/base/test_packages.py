"""Packages that may be missing, and the sentence that says what to install."""

import subprocess
import sys

import pytest

from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError


@pytest.mark.parametrize(
    ("module", "there"),
    [("json", True), ("json.decoder", True), ("nowhere", False), ("nowhere.below", False), ("json.nowhere", False)],
)
def test_a_module_is_there_if_it_could_be_imported(module, there):
    assert packages.is_installed(module) is there


def test_looking_for_a_module_does_not_import_it():
    assert packages.is_installed("this")
    assert "this" not in sys.modules  # it prints a poem


def test_what_is_missing_is_said_with_the_extra_that_brings_it():
    packages.require("reading", "json", "all")
    with pytest.raises(InputError) as raised:
        packages.require("reading", "nowhere", "all")
    command = packages.install_command("all")
    assert str(raised.value) == f"reading needs nowhere, which is not installed: {command}"
    assert command.endswith("-m pip install 'seq2seq_arith[all]'")


def test_the_command_is_for_the_python_that_runs_and_finds_the_package_that_is_here():
    """It asks no index for our package: an extra without further packages is satisfied."""
    command = f"{packages.install_command('no-such-extra')} --no-index --dry-run"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Requirement already satisfied: seq2seq_arith" in done.stdout
