"""Packages that may be missing, and the sentence that says what to install."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from seq2seq_arith import __version__
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError


def test_what_is_missing_is_said_with_the_extra_that_brings_it():
    packages.require("reading", "json", "all")
    with pytest.raises(InputError) as raised:
        packages.require("reading", "nowhere", "all")
    command = packages.install_command("all")
    assert str(raised.value) == f"reading needs nowhere, which is not installed: {command}"
    assert command.endswith("-m pip install 'seq2seq_arith[all]'")


HEAVY = {"apache_beam", "tensorflow_datasets", "pyarrow", "tensorflow", "keras", "matplotlib", "rich"}


def test_both_programs_say_their_versions_and_import_nothing_heavy():
    """No time is asserted, but what takes it."""
    code = """
import json, sys
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.__main__ import main as arith_model
for main in (arith_data, arith_model):
    try:
        main(["--version"])
    except SystemExit as end:
        assert end.code == 0
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, modules = done.stdout.splitlines()
    assert set(json.loads(modules)) & HEAVY == set()
    head, *found = lines[: len(lines) // 2]
    assert lines[len(lines) // 2] == f"arith-model {__version__}"
    assert head == f"arith-data {__version__}"
    versions = {name.strip(): each for name, each in (line.rsplit("  ", 1) for line in found)}
    assert list(versions) == ["Python", *packages.PACKAGES]
    assert versions["Apache Beam"] == version("apache-beam")
    assert versions["Python"].startswith("3.")
