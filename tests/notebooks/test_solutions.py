"""The solutions of the exercises: their code runs, and gives what the page says."""

import os
import re
import subprocess
import sys

import pytest
from layout import ROOT

EXERCISES = (ROOT / "docs/exercises.md").read_text(encoding="utf-8")
SOLUTIONS = (ROOT / "docs/solutions.md").read_text(encoding="utf-8")


def sections(page):
    """From the headings of a page to their texts."""
    titles = re.split(r"^## (.*)$", page, flags=re.MULTILINE)
    return dict(zip(titles[1::2], titles[2::2], strict=True))


def test_ten_exercises_with_a_time_a_hint_something_to_hand_in_and_a_solution():
    exercises, solutions = sections(EXERCISES), sections(SOLUTIONS)
    assert list(exercises) == list(solutions)
    assert [title.split(".")[0] for title in exercises] == [str(number) for number in range(1, 11)]
    for text in exercises.values():
        assert re.match(r"\n\*[^*]+\.\* ", text)
        assert "*Hint:*" in text and "*Hand in:*" in text
    assert all(text.strip() for text in solutions.values())
