"""Packages that may be missing, and the sentence that says what to install."""

import json
import subprocess
import sys
from importlib.metadata import version

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
for main, words in ((arith_model, "train --help"), (arith_data, "--version"), (arith_model, "--version")):
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
    _, *found = lines[: len(lines) // 2]
    assert lines[len(lines) // 2] == f"arith-model {__version__}"
    versions = {name.strip(): each for name, each in (line.rsplit("  ", 1) for line in found)}
    assert list(versions) == ["Python", *packages.PACKAGES]
    assert versions["Apache Beam"] == version("apache-beam")
    assert versions["Python"].startswith("3.")
