"""The results of many runs, and their tables, also those of the documentation."""

import json
import re
import shlex

import pytest
from layout import ROOT

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.sweeps import results
from seq2seq_arith.trainer.sweeps.results import Asked

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Made by ``arith-model results``, whose arguments stand before the table.
MADE = re.compile(r"^<!-- arith-model (results [^>]*?) -->\n\n((?:\|.*\n)+)", re.MULTILINE)


def row(run, seed, positions, worst, seconds=10.0):
    slices = {"full": 1.0, "carry-all": worst}
    return {
        "run": run,
        "seed": seed,
        "task": "addition",
        "given": "places",
        "exact_match": 0.99999,
        "weights": 50_944,
        "examples": 600_000,
        "operations": 12_345_678,
        "seconds": seconds,
        "settings": {"model": {"positions": positions, "hidden": 64}, "epochs": 1},
        "suites": [
            {"digits": 10, "slices": slices},
            {"digits": 20, "slices": {name: value / 2 for name, value in slices.items()}},
        ],
    }


ROWS = [row("a", 0, "rope", 1.0), row("a", 1, "rope", 0.98, seconds=30.0), row("a", 2, "rope", 0.995, seconds=20.0)]
ROWS += [row("b", 0, "none", 0.5)]


def test_figures_of_several_seeds():
    header, cells = results.tabulate(ROWS, Asked(lengths=[20, 30]))
    first = ["run", "given", "seeds", "exact match", "worst slice: median", "lowest", "at least 0.99"]
    assert header[:7] == first
    assert header[7:10] == ["worst slice at 20: median", "lowest at 20", "at least 0.99 at 20"]
    assert cells[0] == [
        *("a", "places", "3", "0.9999", "0.995", "0.980 (carry-all)", "2 of 3"),
        *("0.497", "0.490 (carry-all)", "0 of 3", "-", "-", "-", "50,944", "600,000", "1.2e+07", "20"),
    ]
    assert len(header) == len(cells[0])
    assert cells[1][:7] == ["b", "places", "1", "0.9999", "0.500", "0.500 (carry-all)", "0 of 1"]


def test_columns_are_chosen():
    header, cells = results.tabulate(ROWS, Asked(lengths=[20], columns=("seconds", "lowest")))
    assert header == ["run", "lowest", "lowest at 20", "seconds"]
    assert cells[0] == ["a", "0.980 (carry-all)", "0.490 (carry-all)", "20"]
    with pytest.raises(InputError, match="no column 'colour'"):
        results.tabulate(ROWS, Asked(columns=("colour",)))


def test_rows_are_grouped_and_chosen_by_fields_and_settings():
    header, cells = results.tabulate(ROWS, Asked(by=("positions", "hidden"), where=[("positions", "rope")]))
    assert header[:2] == ["positions", "hidden"]
    assert [line[:3] for line in cells] == [["rope", "64", "places"]]
    assert len(results.tabulate(ROWS, Asked(by=("seed",), where=[("run", "*a*")]))[1]) == 3
    _, cells = results.tabulate(ROWS, Asked(threshold=0.995, where=[("seed", "0")]))
    assert [line[5] for line in cells] == ["1.000", "0.500 (carry-all)"]


def test_what_is_not_there_is_said():
    with pytest.raises(InputError, match=r"none of 4 runs has run=b and positions=rope$"):
        results.tabulate(ROWS, Asked(where=[("run", "b"), ("positions", "rope")]))
    with pytest.raises(InputError, match=r"there is no field 'colour'; give one of epochs, exact_match, examples, "):
        results.tabulate(ROWS, Asked(by=("colour",)))


def test_a_file_is_read_back_and_a_later_line_counts(tmp_path):
    path = tmp_path / results.RESULTS
    for each in [*ROWS, row("b", 0, "none", 0.75)]:
        results.append(path, each)
    found = results.read(results.file_of(tmp_path))
    assert found[:3] == ROWS[:3]
    assert found[3]["suites"][0]["slices"]["carry-all"] == 0.75
    path.write_text("{}\n")
    with pytest.raises(InputError, match=r"results\.jsonl, line 1, is not the result of a run; remove it"):
        results.read(path)
    with pytest.raises(InputError, match=r"gone cannot be read \(No such file or directory\); give the results\.jsonl"):
        results.read(tmp_path / "gone")


def test_the_program_prints_text_and_markdown(tmp_path, capsys):
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(each) + "\n" for each in ROWS))
    assert main(["results", str(tmp_path), "--by", "positions"]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith("rope")
    assert main(["results", str(tmp_path), "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| run | given | seeds | exact match | worst slice: median |")
    assert main(["results", str(tmp_path), "--where", "rope"]) == 2
    assert capsys.readouterr().err == "arith-model: --where is 'rope'; give FIELD=VALUE, such as task=addition\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_number_of_a_table_that_says_so_is_typed_by_hand(page, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for arguments, shown in MADE.findall(page.read_text(encoding="utf-8")):
        assert main(shlex.split(arguments)) == 0
        assert capsys.readouterr().out == shown, f"run arith-model {arguments}"
