"""Packages that may be missing, and the sentence that says what to install."""

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
    with pytest.raises(InputError, match=r"^reading needs nowhere, which is .*: pip install 'seq2seq_arith\[all\]'$"):
        packages.require("reading", "nowhere", "all")
