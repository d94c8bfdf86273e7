"""Every sentence of an ``InputError`` in the source is met: by a whole line of the snapshot, or by a text of a test.

A sentence is compared as a pattern, in which each value that it quotes may be anything.
"""

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from layout import ROOT, modules

# A text of a test that has so many words, all of them in one sentence and in no other, is about that sentence.
MIN_WORDS = 3
# What stands before a sentence of the source: the program, or a file and its line; and behind it, if it is quoted.
BEFORE, BEHIND = r"(.*(: |\())?", r"(; see .*|\).*|; did you mean .*|; or .*)?"
HOLE = "\0"


def template(node: ast.expr) -> str:
    """The sentence of an expression, with ``HOLE`` for each value that is known only when it is raised."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(map(template, values))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return template(left) + template(right)
    return HOLE


def templates(node: ast.expr) -> list[str]:
    """The sentences of an expression: those of both sides of a condition."""
    if isinstance(node, ast.IfExp):
        return templates(node.body) + templates(node.orelse)
    return [template(node)]


def words(text: str) -> int:
    return len(re.findall(r"[\w'-]{2,}", text))


def sentences() -> Iterator[tuple[str, str]]:
    """The module and the template of each InputError of the source that has words of its own."""
    for name, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InputError" and node.args:
                for sentence in templates(node.args[0]):
                    if words(sentence) >= MIN_WORDS:
                        yield name, sentence


SENTENCES = sorted(set(sentences()))
PIECES = {sentence: [piece.strip(" ,;:()") for piece in sentence.split(HOLE)] for _, sentence in SENTENCES}
COUNTS = Counter(piece for pieces in PIECES.values() for piece in set(pieces))


def pattern(sentence: str) -> re.Pattern[str]:
    """What a line of the snapshot with this sentence matches; a path in it has lost the mark that follows it."""
    constants = [re.escape(piece) for piece in sentence.split(HOLE)]
    return re.compile(BEFORE + ".*".join(re.sub(r"^(\\?[;:,)])", r"\1?", piece) for piece in constants) + BEHIND)


@functools.cache
def lines() -> list[str]:
    snapshot = (ROOT / "tests/input_errors.txt").read_text(encoding="utf-8")
    return [line.partition("\t")[2] for line in snapshot.splitlines()]


@functools.cache
def texts() -> set[str]:
    """The strings of all tests, but not their docstrings."""
    strings = set[str]()
    for file in (ROOT / "tests").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        strings |= {
            re.sub(r"^arith-\w+: |\\(?=\W)", "", node.value).strip(" ,;:()$")
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        }
    return {string for string in strings if words(string) >= MIN_WORDS}


def is_quoted(sentence: str) -> bool:
    """Whether a test has a text of this sentence alone: an excerpt of it, or all that it says between two values."""
    others = "\n".join(other for _, other in SENTENCES if other != sentence)
    for piece in PIECES[sentence]:
        if words(piece) >= MIN_WORDS and COUNTS[piece] == 1:
            for text in texts():
                if piece in text or (text in piece and text not in others):
                    return True
    return False


@pytest.mark.parametrize(("name", "sentence"), SENTENCES, ids=lambda value: value.replace(HOLE, "_")[:60])
def test_a_sentence_is_met_by_a_test(name, sentence):
    assert any(map(pattern(sentence).fullmatch, lines())) or is_quoted(sentence), (
        f"no test meets this InputError of {name}: {sentence.replace(HOLE, '…')}"
    )
