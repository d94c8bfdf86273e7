"""The page on security names a test for every attack, and each of them is there."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Attacks that are tests\n")[2].partition("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]


def test_the_table_is_read():
    assert len(ROWS) > 25
    assert all(len(row) == 3 for row in ROWS)


@pytest.mark.parametrize(("attack", "tests"), [(row[0], row[2]) for row in ROWS])
def test_an_attack_has_tests(attack, tests):
    """The name stands in the file as a test of its own, or in a class."""
    named = re.findall(r"`tests/([\w/]+\.py)::(\w+)`", tests)
    assert named
    for file, name in named:
        functions = [each.name for each in ast.walk(ast.parse((TESTS / file).read_text())) if hasattr(each, "name")]
        assert name in functions, f"{file}::{name}"
