"""Every sentence of an ``InputError`` in the source is met by a test, in the snapshot or in a text of a test."""

import ast
import functools
import re
from collections.abc import Iterator

import pytest
from layout import ROOT, modules

# So many words in a row are a piece of a sentence that no other sentence has.
RUN = 3
# Its test compares an address in the middle of the sentence, so no three words of it stand in a row.
MET_BY_VALUE = {"trainer.training.devices: --public-cluster if a"}


def constants(node: ast.expr) -> Iterator[str]:
    """The texts of a sentence between the values that it quotes."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def runs(text: str) -> set[tuple[str, ...]]:
    """All runs of words in a text."""
    words = re.findall(r"[\w-]+", text)
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def sentences() -> Iterator[tuple[str, set[tuple[str, ...]]]]:
    """The place of each raised InputError with words of its own, and its runs of words."""
    for name, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args):
                continue
            if getattr(node.exc.func, "id", "") == "InputError":
                found = set().union(*map(runs, constants(node.exc.args[0])))
                if found:
                    yield f"{name}: {' '.join(sorted(found)[0])}", found


SENTENCES = dict(sentences())


@functools.cache
def words_of_tests() -> set[tuple[str, ...]]:
    """The runs of words in the snapshot and in the texts of all tests."""
    files = [ROOT / "tests/input_errors.txt", *(ROOT / "tests").rglob("test_*.py")]
    return set().union(*(runs(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("place", sorted({*SENTENCES} - MET_BY_VALUE))
def test_a_sentence_is_met_by_a_test(place):
    assert SENTENCES[place] & words_of_tests(), f"no test meets this InputError; its words are {SENTENCES[place]}"
