"""``arith-data suite --lm-eval``: the files, and that the real lm-evaluation-harness scores a model with them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from layout import ROOT
from programs import python, run_here
from stored import make

from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines import lm_eval
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.suite import build, rows

HARNESS = "lm_eval==0.4.13"


def test_every_slice_is_a_task_with_its_questions(tmp_path):
    folder = tmp_path / "new" / "harness"
    done = run_here("suite", "addition", "--digits", 3, "--per-slice", 2, "--lm-eval", folder)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"{folder}: the group arith_addition_d3 of lm-evaluation-harness"],
    )
    expected: dict[str, list[dict[str, str]]] = {}
    task = Task("addition", size=3)
    for slice, question, answer in rows(task, build(task, SuiteOptions(per_slice=2))):
        expected.setdefault(slice, []).append({"question": question, "answer": answer})
    group = yaml.safe_load((folder / "arith_addition_d3.yaml").read_text())
    assert group["task"] == [f"arith_addition_d3_{slice}" for slice in expected]
    assert len(list(folder.iterdir())) == 2 + 2 * len(expected)
    for slice, questions in expected.items():
        content = yaml.safe_load((folder / f"arith_addition_d3_{slice}.yaml").read_text())
        assert content["task"] == f"arith_addition_d3_{slice}" and (folder / content["include"]).exists()
        data = Path(content["dataset_kwargs"]["data_files"]["test"])
        assert list(map(json.loads, data.read_text().splitlines())) == questions


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Answer: 1000", ["1000"]),
        ("So 999 + 1 = 1000.\nAnswer: -1,000.", ["-1,000"]),
        ("**Answer:** 1,000\n\n", ["1,000"]),
        ("**Answer: 1000**.", ["1000"]),
        ("Answer:\n\n`1000`\nI hope this helps.", ["1000"]),
        ("Answer: $1000$", ["1000"]),
        ("Answer: 999+1 = 1000", ["1000"]),
        ("Answer: first the units.\nAnswer: 47r0", ["units", "47r0"]),
        ("Answer: 1000\nDone", ["1000"]),
        ("Answer: 4.7", ["4.7"]),
        ("Answer: 2*6", []),
        ("Answer: 1000 .  ", ["1000"]),
        ("Answer: <", ["<"]),
        ("Answer: q-----", ["q-----"]),
        ("The result is 1000.", []),
        ("Answer:", []),
    ],
)
def test_the_answer_is_the_last_word_of_its_line(text, answers):
    assert re.findall(lm_eval.ANSWER, text) == answers
    assert f'r"{lm_eval.ANSWER}"' in (ROOT / "docs/how-to/evaluate-language-model.md").read_text(encoding="utf-8")


def test_a_suite_all_of_whose_questions_are_left_out_is_refused(tmp_path, input_error):
    make(task := Task("addition", size=1, num_examples=55, num_validation=1), Layout(1), tmp_path)
    options = ("--digits", 1, "--set", "held_out", "--unseen-of", dataset_path(tmp_path, task))
    done = run_here("suite", "addition", *options, "--lm-eval", tmp_path / "tasks")
    assert done.returncode == 2
    input_error.printed(done.stderr)
    assert not (tmp_path / "tasks").exists()


def test_a_folder_that_exists_is_an_input_error(tmp_path):
    done = run_here("suite", "addition", "--lm-eval", tmp_path)
    assert done.returncode == 2 and "exists already; give a folder that does not exist" in done.stderr


# A model that writes steps first, then the answer with commas; it errs where an operand is 999, and gives no answer
# where the left one is 0.
MODEL = r"""
import json, re, sys
import lm_eval
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

class Adds(LM):
    def loglikelihood(self, requests): raise NotImplementedError
    loglikelihood_rolling = loglikelihood
    def generate_until(self, requests):
        return [self.text(request.args[0]) for request in requests]
    def text(self, prompt):
        left, right = map(int, re.search(r"What is (\d+)\+(\d+)\?", prompt).groups())
        if left == 0:
            return "nothing plus something"
        return f"Answer: first add the units.\n**Answer:** {left + right + (999 in (left, right)):,}."

results = lm_eval.simple_evaluate(Adds(), tasks=[sys.argv[1]], task_manager=TaskManager(include_path=sys.argv[2]))
scores = {name: scores["exact_match,answer"] for name, scores in results["results"].items()}
samples = [sample for samples in results["samples"].values() for sample in samples]
unanswered = [sample["doc"]["question"] for sample in samples if sample["filtered_resps"] == ["[invalid]"]]
print(json.dumps([scores, unanswered]))
"""


@pytest.mark.release
def test_the_real_harness_scores_a_model(tmp_path):
    folder, venv = tmp_path / "harness", tmp_path / "venv"
    assert run_here("suite", "addition", "--digits", 3, "--per-slice", 3, "--lm-eval", folder).returncode == 0
    for command in (["venv", venv, "--python", sys.executable], ["pip", "install", "--python", venv, HARNESS]):
        subprocess.run([sys.executable, "-m", "uv", *map(str, command)], check=True, capture_output=True)
    code = f"import subprocess, sys; subprocess.run([{str(venv / 'bin/python')!r}, '-c', sys.argv[1], *sys.argv[2:]])"
    scores, unanswered = json.loads(python(code, MODEL, "arith_addition_d3", folder).splitlines()[-1])
    task = Task("addition", size=3)
    right: dict[str, list[bool]] = {}
    expected_unanswered: list[str] = []
    for slice, question, _ in rows(task, build(task, SuiteOptions(per_slice=3))):
        operands = question.split("+")
        is_right = operands[0] != "0" and "999" not in operands
        right.setdefault(f"arith_addition_d3_{slice}", []).append(is_right)
        expected_unanswered += [question] * (operands[0] == "0")
    expected = {slice: sum(group) / len(group) for slice, group in right.items()}
    mean = scores.pop("arith_addition_d3")
    assert scores == pytest.approx(expected) and 0 < min(expected.values()) < 1
    assert sorted(unanswered) == sorted(expected_unanswered) != []
    assert mean == pytest.approx(sum(expected.values()) / len(expected))
