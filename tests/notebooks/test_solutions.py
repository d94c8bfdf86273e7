"""The solutions of the exercises: their code runs, and gives what the page says."""

import json
import re

import pytest
from layout import ROOT
from programs import python

CELLS = json.loads((ROOT / "notebooks/exercises.ipynb").read_text(encoding="utf-8"))["cells"]
TEXTS = {cell["id"]: "".join(cell["source"]) for cell in CELLS}
SOLUTIONS = (ROOT / "docs/teach/solutions.md").read_text(encoding="utf-8")

# What the solutions say, by exercise, checked after its code.
CLAIMS = {
    "2": 'assert (answers["neighbours", "q1"], answers["latches_0", "q0"]) == ("56", "53")',
    "5": """
(row,) = three.score(best)
assert row["character_accuracy"] > 0.3 and row["exact_match"] < 0.01
""",
    "6": """
first, second = map(shares, runs)
assert first[0] > first[1] > first[2] and second[0] < first[0]
""",
    "8": "assert len(units) > 0",
    "9": "assert run.exact_match > 0.9",
}


def sections(page):
    """From the headings of a page to their texts."""
    titles = re.split(r"^##+ (\d+\..*)$", page, flags=re.MULTILINE)
    return dict(zip(titles[1::2], titles[2::2], strict=True))


def test_each_exercise_says_what_to_do_and_has_a_cell_to_fill_in_and_a_solution():
    exercises = [name for name in TEXTS if name.startswith("exercise-")]
    assert [TEXTS[name].partition("\n")[0].removeprefix("## ") for name in exercises] == list(sections(SOLUTIONS))
    for name in exercises:
        assert "*Hint:*" in TEXTS[name] and "*Hand in:*" in TEXTS[name]
        assert TEXTS[name.replace("exercise", "answer")] == ""


@pytest.mark.release
def test_the_code_of_the_solutions_runs_and_gives_what_they_say(tmp_path):
    """In one process, after the lines with which the exercises begin."""
    program = ["import seq2seq_arith as sa", TEXTS["setup"]]
    for title, text in sections(SOLUTIONS).items():
        program += re.findall(r"```py\n(.*?)```", text, re.DOTALL)
        program.append(CLAIMS.get(title.partition(".")[0], ""))
    python("\n".join(program), cwd=tmp_path)
