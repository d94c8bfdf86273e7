import pytest

from seq2seq_arith.pipelines import Task
from seq2seq_arith.trainer import report


def test_table():
    text = report.table(["task", "examples", "exact match"], [["addition", "50,000", "1.0000"], ["pq", 7, 0.5]])
    assert text.splitlines() == [
        "task      examples  exact match",
        "--------  --------  -----------",
        "addition    50,000       1.0000",
        "pq               7          0.5",
    ]


@pytest.mark.parametrize(
    ("task", "stored", "written"),
    [
        (Task("addition"), "  543+21", "12+345"),
        (Task("addition", reverse=False), "12+345 ", "12+345"),
        (Task("subtraction"), "5-30   ", "5-30"),
        (Task("pq", digits=3), "--p-   ", "--p-"),
    ],
)
def test_questions_as_a_person_writes_them(task, stored, written):
    assert report.written(stored, task) == written


@pytest.mark.parametrize(
    ("task", "example"),
    [(Task("addition"), "12+7"), (Task("subtraction", digits=1, num_examples=50), "1-7"), (Task("pq"), "---p--")],
)
def test_an_example_that_the_task_has(task, example):
    assert report.example(task) == example


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("12+345", "12+345"),
        ("-" * 12, "-" * 12),
        ("-" * 431 + "p" + "-" * 5, "-{431}p-----"),
        ("-" * 13 + "p" + "-" * 1000, "-{13}p-{1000}"),
    ],
)
def test_long_runs_are_shortened(text, short):
    assert report.shortened(text) == short


def test_samples_are_marked():
    rows = report.sample_table(Task("addition"), [("271+792", "469 ", "469 "), ("  57+66", "141 ", "140 ")])
    assert [line.split() for line in rows.splitlines()[2:]] == [
        ["297+172", "469", "469", "✓"],
        ["66+75", "141", "140", "✗"],
    ]


def row(epoch: int) -> dict:
    return dict.fromkeys(report.HISTORY_COLUMNS, 0.1 / epoch) | {"epoch": epoch}


def test_history_and_plot(tmp_path):
    report.write_history(tmp_path / "history.csv", [row(1), row(2)])
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0] == ",".join(report.HISTORY_COLUMNS)
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2"]
    report.plot_history(tmp_path / "history.png", [row(1), row(2)], "title")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "history.png"]


def test_a_log_gets_lines(capsys, monkeypatch):
    monkeypatch.setattr(report, "LOG_SECONDS", 0.0)
    with report.progress("addition", 3) as tell:
        for done in range(1, 4):
            tell(done, "loss 0.5")
    assert capsys.readouterr().out.splitlines() == [
        "addition: 1 of 3 steps  loss 0.5",
        "addition: 2 of 3 steps  loss 0.5",
    ]
