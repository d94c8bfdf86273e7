"""``arith-data score``: forms of answers, what it refuses, prints and writes; and from Python without TensorFlow."""

import functools
import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from layout import ROOT
from programs import environment, python, run_here

import seq2seq_arith as sa
from seq2seq_arith.arithmetic import scoring
from seq2seq_arith.arithmetic.scoring import Row, Scores, Tally, score
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.answers import read_answers, read_questions

TABLE = "slice\tquestion\tanswer\none\t1+1\t2\none\t9+1\t10\ntwo\t9+1\t10\ntwo\t99+1\t100\n"
ANSWERS = {"1+1": ["2"], "9+1": ["10", "010"], "99+1": []}


@pytest.fixture
def suite(tmp_path) -> Path:
    (tmp_path / "suite.tsv").write_text(TABLE)
    return tmp_path / "suite.tsv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2\n10\n010", ANSWERS),
        (" 2 \r\n10\r\n010\r\n", ANSWERS),
        ("\ufeff2\n10\n010\n", ANSWERS),
        ("2\n10\n010\n\n", ANSWERS | {"99+1": [""]}),
        ('"2"\n10\n"010"\nnull\n', ANSWERS),
        ('null\n"10"\n"010"\n', ANSWERS | {"1+1": []}),
        ('\n"10"\n\n"100"\n\n', {"9+1": ["10"], "99+1": ["100"]}),
        ("2\t\n10\t\n010\t\n", ANSWERS),
        ("1+1\t\n9+1\t10\n9+1\t010\n", ANSWERS | {"1+1": [""]}),
        ("null\nnull\n", {"1+1": []}),
        ('["2", 10, "010", null]', ANSWERS),
        ('{"answer": "2"}\n\n{"answer": 10}\n{"prediction": "010", "answer": "10"}\n', ANSWERS),
        ('{"question": "9+1", "answer": 10}\n{"question": "1+1", "answer": " 2"}\n{"question": "9+1", "answer": "010"}',
         ANSWERS),
        ('{"question": "1+1", "answer": "2"}', {"1+1": ["2"]}),
        ('{\n  "1+1": "2",\n  "9+1": 10,\n  "99+1": null\n}', ANSWERS | {"9+1": ["10"]}),
        ("9+1\t10\n1+1\t2\n\n9+1\t010\n", ANSWERS),
        ("answer\tquestion\tprediction\n2\t1+1\t2\n10\t9+1\t10\n10\t9+1\t010\n", ANSWERS),
        ("question\tanswer\n1+1\t2\n5+5\t10\n", {"1+1": ["2"], "5+5": ["10"]}),
        (TABLE, {"1+1": ["2"], "9+1": ["10", "10"], "99+1": ["100"]}),
    ],
)  # fmt: skip
def test_forms_of_answers(suite, tmp_path, text, expected):
    questions = read_questions(str(suite))
    (tmp_path / "answers").write_bytes(text.encode())
    parsed: dict[int | None, list[str]] = {}
    for number, answer in read_answers(str(tmp_path / "answers"), questions):
        parsed.setdefault(number, []).extend([] if answer is None else [answer])
    assert {number: answers for number, answers in parsed.items() if answers} == {
        questions.numbers.get(question): answers for question, answers in expected.items() if answers
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "header\n2\n10\n10\n100\n",
        "1+2\t3\n2+2\t4\n",
        "1+1\t2\n9+1\n",
        "slice\tquestion\none\t1+1\n",
        '{"question": "1+1", "answer": "2"}\n{"answer": "10"}\n',
        '{"question": "1+1", "said": "2"}\n{"question": "9+1", "said": "10"}\n',
        '{"question": 2, "answer": "2"}\n',
        '{"question": "1+1", "answer": "2", "answer": "3"}\n',
        '{"answer": 2.0}\n',
        "[true]",
        '"2"\n10\n01\n',
        pytest.param("[" * 100_000, id="nested too deeply"),
        pytest.param(b"\x93NUMPY", id="array of NumPy"),
    ],
)
def test_answers_that_are_refused(suite, tmp_path, text, input_error):
    (tmp_path / "answers").write_bytes(text if isinstance(text, bytes) else text.encode())
    with input_error(InputError):
        list(read_answers(str(tmp_path / "answers"), read_questions(str(suite))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1+1\n",
        TABLE.partition("one")[0],
        TABLE + "two\t3+3\n",
        TABLE + "two\t1+1\t3\n",
        TABLE + "\033]0;x\007\t3+3\t6\n",
        b"\xff",
        pytest.param(None, id="missing"),
    ],
)
def test_questions_that_are_refused(tmp_path, text, input_error):
    if text is not None:
        (tmp_path / "suite.tsv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with input_error(InputError):
        read_questions(str(tmp_path / "suite.tsv"))


def test_markdown_has_no_html_of_a_suite():
    text = score([Row("<script>", "<img src=x onerror=y>", "2")], {}).markdown()
    assert text.count("&lt;script>") == 2 and text.count("&lt;img src=x") == 3
    assert "<script" not in text and "<img" not in text


@pytest.mark.parametrize(
    "words",
    [["-", "-"], ["suite.tsv", "answers.json", "-o", "score.txt"], ["suite.tsv", "answers.json", "-o", "answers.json"],
     ["suite.tsv"], ["suite.tsv"] * 2, ["suite.tsv", "a", "b"], ["suite.tsv", "a", "--outptu", "b.md"]],
    ids=" ".join,
)  # fmt: skip
def test_the_command_refuses(suite, tmp_path, monkeypatch, words, input_error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.json").write_text('["2"]')
    done = run_here("score", *words)
    assert done.returncode == 2
    input_error.printed(done.stderr)
    assert (tmp_path / "answers.json").read_text() == '["2"]'


def test_the_command(suite, tmp_path, monkeypatch):
    """Answers from standard input; what it prints, tells other programs and writes is one score."""
    rows = [Row(*line.split("\t")) for line in TABLE.splitlines()[1:]]
    expected = score(rows, {"1+1": ["2"], "9+1": ["11", "10"]})
    for output, text in (("s.json", json.dumps(expected.to_json(), indent=2) + "\n"), ("s.md", expected.markdown())):
        (tmp_path / output).touch()  # is replaced
        monkeypatch.setattr(sys, "stdin", io.StringIO("2\n11\n10\n"))
        done = run_here("score", suite, "-", "-o", tmp_path / output)
        assert (done.returncode, done.stdout) == (0, f"{expected.text()}\n{tmp_path / output}\n")
        assert (tmp_path / output).read_text() == text
    monkeypatch.setattr(sys, "stdin", io.StringIO("2\n11\n10\n"))
    events = [json.loads(line) for line in run_here("score", suite, "-", "--json").stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", "slice", "slice", "result", "end"]
    assert [event["name"] for event in events[1:3]] == ["one", "two"]
    assert events[3].items() >= expected.to_json().items()


def test_long_work_shows_its_progress(suite, monkeypatch):
    monkeypatch.setattr(events, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(sys, "stdin", io.StringIO("2\n11\n10\n"))
    told = [json.loads(line) for line in run_here("score", suite, "-", "--json").stdout.splitlines()]
    steps = [(event["title"], event["done"], event["total"]) for event in told if event["event"] == "progress"]
    assert [title for title, done, total in steps if done == total] == ["questions"]
    assert [(done["answers"], total["answers"]) for title, done, total in steps if title == "answers"] == [
        (1, 4), (2, 4), (3, 4),
    ]  # fmt: skip


def scores_of(suite: Path, answers: Path) -> Scores:
    questions = read_questions(str(suite))
    tally = Tally(questions)
    for number, answer in read_answers(str(answers), questions):
        tally.add(number, answer)
    return tally.scores()


@pytest.mark.parametrize("times", [1, 20])
def test_answers_are_not_kept(tmp_path, monkeypatch, times):
    """The memory is that of the questions, whether there is one wrong answer to each of them or 20."""
    monkeypatch.setattr(scoring, "MORE_PREDICTIONS", 10)
    count = 5_000
    lines = [f"random\t{number}+1\t{number + 1}\n" for number in range(count)]
    (tmp_path / "suite.tsv").write_text("slice\tquestion\tanswer\n" + "".join(lines))
    with (tmp_path / "answers.tsv").open("w") as file:
        file.writelines(f"{number}+1\t{number}\n" for _ in range(times) for number in range(count))
    del lines
    tracemalloc.start()
    scores = scores_of(tmp_path / "suite.tsv", tmp_path / "answers.tsv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (scores.whole.wrong, scores.double) == (count, count * (times > 1))
    assert peak / count < 300


def test_a_file_that_cannot_be_written(suite, tmp_path, input_error):
    (tmp_path / "file").touch()
    (tmp_path / "answers").write_text("2")
    done = run_here("score", suite, tmp_path / "answers", "-o", tmp_path / "file" / "score.md")
    assert done.returncode == 1
    input_error.printed(done.stderr)


def test_stopped_while_it_waits_for_answers(suite, tmp_path, monkeypatch):
    def stop() -> Iterator[str]:
        yield "2\n"
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", stop())
    done = run_here("score", suite, "-", "-o", tmp_path / "score.md")
    assert (done.returncode, done.stderr) == (130, "arith-data: stopped; nothing was left behind\n")
    assert not (tmp_path / "score.md").exists()


PAGE = (ROOT / "docs/how-to/evaluate-any-model.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_program_of_the_page(tmp_path):
    """Behind a pipe, as the page says, and what it shows of the output."""
    commands, shown = re.findall(r"```(?:sh)?\n(.*?)```", PAGE.partition("## A program")[2], re.DOTALL)[:2]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c", commands]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment() | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in shown.splitlines() if line not in lines] == []


class Network:
    """As a module of PyTorch that has learned addition, but of equal numbers: ids to logits."""

    def eval(self) -> None:
        pass

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        characters = " +0123456789"
        pairs = ["".join(characters[character_id] for character_id in row).split("+") for row in ids]
        sums = [str(int(left) + int(right) * (int(left) != int(right))).ljust(11) for left, right in pairs]
        return np.eye(12)[[[characters.index(character_id) for character_id in answer] for answer in sums]]


def test_the_function_of_the_page(monkeypatch, capsys):
    """NumPy stands in for PyTorch."""
    torch = types.SimpleNamespace(tensor=np.array, inference_mode=lambda: lambda function: function)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "nets", types.SimpleNamespace(model=Network()))
    monkeypatch.setitem(vars(sa), "suite", functools.partial(sa.suite, per_slice=5))
    code = re.search(r"```py\n(.*?)```", PAGE, re.DOTALL)
    assert code
    exec(code[1], names := {})
    worst = names["score"].worst_slice
    assert (worst["slice"], worst["exact_match"]) == ("equal", 0)
    assert "worst slice: equal, 0.000 of 5: " in capsys.readouterr().out


FOREIGN = """
import sys

sys.modules |= dict.fromkeys(("tensorflow", "keras", "apache_beam", "tensorflow_datasets", "matplotlib", "jinja2"))

import seq2seq_arith as sa
from seq2seq_arith.pipelines.__main__ import main

print(sa.suite("addition", digits=2, per_slice=5).score(lambda questions: map(eval, questions), batch_size=7))
sys.exit(main(["score", "suite.tsv", "./suite.tsv"]))
"""


def test_neither_tensorflow_nor_beam_is_needed(suite, tmp_path):
    """Importing one of them raises ImportError here."""
    printed = python(FOREIGN, cwd=tmp_path)
    assert "worst slice: each of the 2 slices has 1.000 (3 questions)" in printed
    assert printed.startswith("exact match: 1.0000 of")
