"""The history of a run as a line, as CSV and as a plot."""

import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.runs import history

COUNTS = {"val_examples": 9, "trained_digits": 3}


def row(epoch: int) -> dict:
    return {name: round(epoch / 10 + number / 1000, 3) for number, name in enumerate(history.COLUMNS)} | {
        "epoch": epoch,
        "round": 0,
    }


def test_the_lines_of_an_epoch():
    assert history.epoch_lines(row(2) | {"examples_per_second": 12345.6}, 50).splitlines() == [
        "epoch 2/50  12,346 examples per second, 0.2 s in all",
        "train       loss 0.2020  characters 0.2030  exact 0.2040",
        "validation  loss 0.2050  characters 0.2060  exact 0.2070",
    ]


def test_a_round_of_proving_is_not_an_epoch_too_many():
    for lines in (history.epoch_line, history.epoch_lines):
        assert lines(row(11) | {"round": 1}, 10).startswith("round 1  ")


def test_csv_and_plot(tmp_path):
    history.write_csv(tmp_path / "history.csv", [row(1), row(2)])
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0] == ",".join(history.COLUMNS)
    assert lines[1] == "1,0.101,0.102,0.103,0.104,0.105,0.106,0.107,0.108,0.109,0,0.111,0.112"
    assert lines[2].startswith("2,0.201,")
    assert history.read_csv(tmp_path / "missing.csv") == []
    whole = [
        row(epoch)
        | {"steps": 10 * epoch, "val_examples": 9, "trained_digits": 3, "loss": 1 / 3, "exact_match": 1 + 7e-10}
        for epoch in (1, 2)
    ]
    history.write_csv(tmp_path / "whole.csv", whole)
    assert history.read_csv(tmp_path / "whole.csv") == whole
    (tmp_path / "whole.csv").unlink()
    history.plot(tmp_path / "history.png", [row(1), row(2)], "title")
    loss, exact = history.curves({"title": [row(1), row(2)]}).axes
    # Shares that are wrong, on a logarithmic axis, on which no mistake has a place of its own.
    assert (loss.get_yscale(), exact.get_yscale(), exact.get_ylabel()) == ("log", "log", "share of wrong answers")
    assert (loss.get_title(), exact.get_title()) == ("Loss after each epoch", "Wrong answers after each epoch")
    perfect = [row(epoch) | {"val_examples": 5000, "val_exact_match": share} for epoch, share in ((1, 0.9998), (2, 1))]
    _, exact = history.curves({"title": perfect}).axes
    assert list(exact.lines[0].get_ydata()) == pytest.approx([2e-4, 1e-4])
    assert exact.yaxis.get_major_formatter()(1e-4) == "none" and exact.yaxis.get_major_formatter()(1e-3) == "0.001"
    sentence = "On the validation set, run: 0.02% after epoch 1, 0.00% after the best one, 2 of 2."
    assert history.in_words({"run": perfect}, "exact_match").endswith(sentence)
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "history.png"]


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_control_character_in_the_name_of_a_run_is_drawn_as_its_escape(tmp_path):
    history.plot(tmp_path / "history.png", [row(1), row(2)], "\x1b[31mrun")
    drawn = history.curves({"\x1b[31mrun": [row(1)], "other": [row(1)]})
    figures.image(drawn)
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == [r"\x1b[31mrun", "other"]


def test_rows_of_earlier_versions_have_no_trained_digits(tmp_path):
    path = tmp_path / "history.csv"
    first, second = (row(epoch) | COUNTS | {"steps": 10 * epoch} for epoch in (1, 2))
    del first["trained_digits"]
    # Such a run was resumed: its earlier row has an empty cell.
    history.write_csv(path, [first, second])
    assert history.read_csv(path) == [first, second]
    header, line, _ = path.read_text().splitlines()
    # And one that ended in an earlier version: its file has no such column.
    path.write_text(f"{header.removesuffix(',trained_digits')}\n{line.removesuffix(',')}\n")
    assert history.read_csv(path) == [first]


@pytest.mark.parametrize(
    ("old", "new"), [("0.209", "nan"), ("0.209", ""), (",0.209", ""), ("20", "x"), (".204", "9"), ("0.204", "1.204")]
)
def test_a_damaged_history_is_one_sentence(tmp_path, old, new):
    path = tmp_path / "history.csv"
    history.write_csv(path, [row(epoch) | COUNTS | {"steps": 10 * epoch} for epoch in (1, 2)])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError):
        history.read_csv(path)
