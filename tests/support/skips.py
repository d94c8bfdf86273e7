"""In CI, a skipped test fails, unless its reason is one of those below: otherwise, a missing tool would be a success.

The environment variable ``CI`` says that tests run there. ``tests/conftest.py`` imports the hooks.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

# What no package can add to a machine.
ALLOWED = re.compile(
    "needs the names of open files: /proc"
    "|needs a folder that even root cannot write to: /proc"
    "|only Linux lists the threads of a process"
    "|this file system cannot exchange names"
    "|this user, or this container, may make no network namespace"
    "|Not a test"  # of TensorFlow Datasets' own tests of a builder
)


def judged(report: Any) -> Any:
    """The report of a test or a module, as a failure if it was skipped for another reason, and this is CI."""
    if not report.skipped or hasattr(report, "wasxfail") or not os.environ.get("CI"):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not ALLOWED.search(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI ({reason}): install what is missing, or add the reason to {__file__}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[Any]:
    """Judges a skipped test."""
    return judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[Any]:
    """Judges a skipped module."""
    return judged((yield))
