"""``--version`` of both programs."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from seq2seq_arith import __version__
from seq2seq_arith.base import versions

PROGRAMS = {"arith-data": "pipelines", "arith-model": "trainer"}
HEAVY = {"apache_beam", "tensorflow_datasets", "pyarrow", "tensorflow", "keras", "matplotlib", "rich"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_programs_say_their_versions_and_import_nothing_heavy(program):
    """No time is asserted, but what takes it."""
    code = f"""
import json, sys
from seq2seq_arith.{PROGRAMS[program]}.__main__ import main
try:
    main(["--version"])
finally:
    print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines, modules = done.stdout.splitlines()
    assert head == f"{program} {__version__}"
    assert set(json.loads(modules)) & HEAVY == set()
    found = {name.strip(): each for name, each in (line.rsplit("  ", 1) for line in lines)}
    assert list(found) == ["Python", *versions.PACKAGES]
    assert found["Apache Beam"] == version("apache-beam")
    assert found["Python"].startswith("3.")


def test_a_package_that_is_missing(monkeypatch):
    monkeypatch.setattr(versions, "PACKAGES", {"TensorFlow": ("no-such-package", "numpy"), "JAX": ("no-such-package",)})
    assert versions.versions().splitlines()[1:] == [f"  TensorFlow  {version('numpy')}", "  JAX         not installed"]
