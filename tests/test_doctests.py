"""The examples in the docstrings: every module that has a ``>>>`` shows what it says."""

import doctest
import importlib

import pytest
from layout import PACKAGE, modules

EXAMPLES = sorted(name for name, file in modules().items() if ">>>" in file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of(name):
    module = importlib.import_module(f"{PACKAGE}.{name}".rstrip("."))
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert tried > 0
    assert failed == 0
