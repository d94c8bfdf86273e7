"""A skip is a failure in CI, unless nothing can be done about it."""

import os
import subprocess
import sys

import pytest
from layout import ROOT

TESTS = """
import pytest

@pytest.mark.skipif(True, reason="needs Go")
def test_tool(): ...

@pytest.mark.skipif(True, reason="needs the names of open files: /proc")
def test_system(): ...

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False
"""
MODULE = 'import pytest\npytest.importorskip("no_such_module", reason="needs an extra")\n'


@pytest.mark.parametrize(("ci", "counts"), [("", "3 skipped, 1 xfailed"), ("true", "1 skipped, 1 xfailed, 2 errors")])
def test_a_skip_fails_in_ci(ci, counts, tmp_path):
    (tmp_path / "conftest.py").write_text("from skips import pytest_make_collect_report, pytest_runtest_makereport")
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text(MODULE)
    program = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", "."]
    environment = os.environ | {"CI": ci, "PYTHONPATH": str(ROOT / "tests/support")}
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert counts in done.stdout.splitlines()[-1], done.stdout
    assert ("skipped in CI (Skipped: needs Go): install what is missing" in done.stdout) == bool(ci)
