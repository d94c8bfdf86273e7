"""The results of many runs, and their tables, also those of the documentation."""

import dataclasses
import json
import re
import shlex

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.scoring import Scores, SliceScore
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.sweeps import results
from seq2seq_arith.trainer.sweeps.results import Query, Result

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Made by ``arith-model results``, whose arguments stand before the table.
MADE = re.compile(r"^<!-- arith-model (results [^>]*?) -->\n\n((?:\|.*\n)+)", re.MULTILINE)
SEEN = 40  # of the questions of the first slice


def slice_of(name, questions, wrong, size=10, **fields):
    return SliceScore(
        questions, questions - wrong, **{"set": "standard", "version": 1, "slice": name, "size": size} | fields
    )


def suite(*rows, per_slice=1000):
    return Scores(rows, per_slice=per_slice, seed=0)


def row(run, seed, positional_encoding, wrong, seconds=10.0, **changes):
    """A run that was asked 100 questions in one slice, and 1,000 in another, of which so many are wrong."""
    full = slice_of("full", 100, 0, seen=SEEN, seen_right=SEEN)
    carry = slice_of("carry-all", 1000, wrong, seen=0, seen_right=0)
    # At 20 digits, twice as often as at 10, and half of them by luck: it is not known which ones were seen.
    longer = [slice_of("full", 200, 100, 20), slice_of("carry-all", 2000, 1000 + wrong, 20)]
    settings = TrainConfig().to_json()
    settings |= {"model": settings["model"] | {"positional_encoding": positional_encoding, "hidden": 64}, "epochs": 1}
    what = {
        "run": run,
        "seed": seed,
        "task": "addition",
        "draws": "structured",
        "hints": "digit positions",
        "proved": None,
    }
    what |= {
        "dataset": "addition-d10",
        "model": "lstm",
        "input_format": "plain",
        "sha256": "ab",
        "suite": {},
        "best_epoch": 1,
    }
    took = {"weights": 50_944, "examples": 600_000, "flops": 12_345_678}
    took |= {"seconds": seconds, "cpu_seconds": 2 * seconds, "character_accuracy": 1.0}
    reached = {"exact_match": 0.99999, "scores": suite(full, carry, *longer)}
    return Result(**what | took | {"settings": settings} | reached | changes)


ROWS = [row("a", 0, "rope", 0), row("a", 1, "rope", 20, seconds=30.0), row("a", 2, "rope", 5, seconds=20.0)]
ROWS += [row("b", 0, "nope", 500)]


def cells(name, rows=ROWS, **query):
    """The header and the cells of a column."""
    header, lines = results.tabulate(rows, Query(columns=(name,), **query))
    return [title.removesuffix(" (v1)") for title in header[1:]], [line[1:] for line in lines]


@pytest.mark.parametrize(
    ("column", "header", "first", "second"),
    [
        ("hints", "hints", "digit positions", "digit positions"),
        ("draws", "draws", "structured", "structured"),
        ("seeds", "seeds", "3", "1"),
        ("exact", "exact match", "0.9999", "0.9999"),
        ("wrong", "wrong", "25 of 3,300 (< 1.1%)", "500 of 1,100 (< 48%)"),
        ("unseen", "not seen, wrong", "25 of 3,180 (< 1.1%)", "500 of 1,060 (< 50%)"),
        ("seen", "seen, wrong", "0 of 120 (< 2.5%)", "0 of 40 (< 7.3%)"),
        ("imperfect", "slices with mistakes", "0, 1, 1 of 2", "1 of 2"),
        ("minimum", "minimum over seeds", "0.980 (carry-all)", "0.500 (carry-all)"),
        ("reached", "seeds with 100%", "1 of 3 (> 0.01)", "0 of 1"),
        ("median", "median over seeds", "0.995", "0.500"),
        ("weights", "weights", "50,944", "50,944"),
        ("examples", "examples seen", "600,000", "600,000"),
        ("flops", "FLOPs", "1.2e+07", "1.2e+07"),
        ("seconds", "seconds", "20", "10"),
        ("cpu", "CPU seconds", "40", "20"),
    ],
)
def test_figures_of_several_seeds(column, header, first, second):
    assert cells(column) == ([header], [[first], [second]])


def test_a_seed_has_100_percent_only_if_the_held_out_slices_have_it_too():
    held_out = slice_of("squares", 100, 1, set="held_out")
    rows = [row("a", seed, "rope", 0) for seed in (0, 1)]
    rows[1] = dataclasses.replace(rows[1], scores=suite(*rows[1].scores.rows, held_out))
    assert cells("reached", rows)[1] == [["1 of 2 (> 0.02)"]]
    assert cells("minimum", rows)[1] == [["1.000"]] and cells("minimum-held-out", rows)[1] == [["0.990 (squares)"]]


def test_a_network_that_took_a_round_is_proved_and_not_as_trained():
    rounds = [{"rounds": 0, "trained_digits": 5}, {"rounds": 2, "trained_digits": 8}]
    rows = [row("a", seed, "rope", 0, proved=True, **changes) for seed, changes in enumerate(rounds)]
    assert cells("as-trained", rows)[1] == [["1 of 2 (> 0.02)"]]
    assert cells("proved", rows)[1] == [["2 of 2 (> 0.22), every length"]]
    assert cells("trained-digits", rows)[1] == [["8"]] and cells("trained-digits", [*rows, ROWS[0]])[1] == [[""]]
    pq = {"task": "pq", "dataset": "pq-d20-n210", "proved": True}
    assert cells("proved", [row("a", 0, "rope", 0, **pq)])[1] == [["1 of 1 (> 0.05), up to 20 dashes"]]


def test_further_lengths_stand_behind_those_of_the_training():
    header, (first, _) = cells("minimum", lengths=[20, 30])
    assert header == ["minimum over seeds", "minimum over seeds at 20", "minimum over seeds at 30"]
    assert first == ["0.980 (carry-all)", "0.490 (carry-all)", "-"]
    assert cells("unseen", lengths=[20])[1][0] == ["25 of 3,180 (< 1.1%)", ""]


def test_more_seeds_than_fit_into_a_cell():
    many = [row("a", seed, "rope", seed % 2) for seed in range(6)]
    assert cells("imperfect", many)[1] == [["0 to 1 of 2"]]
    assert cells("reached", [row("a", seed, "rope", 0) for seed in range(30)])[1] == [["30 of 30 (> 0.90)"]]


@pytest.mark.parametrize(
    ("threshold", "header", "reached"),
    [(0.999, "at least 0.999", "1 of 3 (> 0.01)"), (0.98, "at least 0.98", "3 of 3 (> 0.36)")],
)
def test_a_threshold_that_its_questions_bear(threshold, header, reached):
    assert cells("reached", threshold=threshold) == ([header], [[reached], ["0 of 1"]])


def test_a_threshold_finer_than_its_questions_is_refused(input_error):
    with input_error(InputError):
        cells("reached", threshold=0.9995)
    assert cells("minimum", threshold=0.9995)


def test_the_held_out_set_stands_beside_the_first():
    held_out = [slice_of(name, 100, wrong, set="held_out") for name, wrong in (("runs", 25), ("reversed", 0))]
    rows = [row("a", 1, "rope", 0, scores=suite(*ROWS[0].scores.rows, *held_out))]
    assert cells("minimum-held-out", rows, lengths=[20]) == (
        ["minimum over seeds, held-out", "minimum over seeds, held-out at 20"],
        [["0.750 (runs)", "-"]],
    )
    assert "minimum over seeds, held-out" in results.tabulate(rows, Query())[0]
    assert "minimum over seeds, held-out" not in results.tabulate(ROWS, Query())[0]


def test_versions_of_a_suite_stand_in_rows_of_their_own(tmp_path, capsys):
    newer = row("a", 0, "rope", 300)
    newer = dataclasses.replace(
        newer, scores=suite(*(dataclasses.replace(score, version=2) for score in newer.scores.rows))
    )
    for line in (*ROWS, newer):  # the run of seed 0 was evaluated again
        results.append(tmp_path / results.RESULTS, line)
    _, lines = results.tabulate(results.read(tmp_path / results.RESULTS), Query(columns=("seeds", "minimum")))
    first, second = ["3", "v1", "0.980 (carry-all)"], ["1", "v1", "0.500 (carry-all)"]
    assert lines == [["a", *first], ["b", *second], ["a", "1", "v2", "0.700 (carry-all)"]]


def test_exact_match_is_drawn_against_length(tmp_path, capsys, input_error):
    runs = []
    for seed, wrong in enumerate([10, 50]):
        counts = {"full": 0, "lengths-2-2": wrong, "lengths-1-2": 100}
        longer = {"lengths-2-2": 100, "lengths-3-3": 75}
        rows = [slice_of(name, 100, n, size) for size, some in ((2, counts), (3, longer)) for name, n in some.items()]
        runs.append(row("a", seed, "rope", 0, scores=suite(*rows, per_slice=100)))
        results.append(tmp_path / results.RESULTS, runs[-1])
    line, *_ = results.draw_lengths([*runs, *ROWS], Query()).axes[0].get_lines()  # others have no such slices
    assert line.get_xydata().tolist() == [[2, 0.7], [3, 0.25]]  # each question once
    own = row("b", 0, "folder/encodings.py:Alibi", 0, scores=suite(slice_of("lengths-2-2", 9, 1), per_slice=9))
    legend = results.draw_lengths([*runs, own], Query(by=("positional_encoding",))).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["rope", "Alibi"]
    assert main(["results", str(tmp_path), "--plot-lengths", str(tmp_path / "l.png")]) == 0
    assert (tmp_path / "l.png").read_bytes().startswith(b"\x89PNG")
    with input_error(InputError):
        results.draw_lengths(ROWS, Query())


def test_columns_are_chosen(input_error):
    header, lines = results.tabulate(ROWS, Query(lengths=[20], columns=("seconds", "minimum")))
    assert header == ["run", "minimum over seeds (v1)", "minimum over seeds at 20", "seconds"]
    assert lines[0] == ["a", "0.980 (carry-all)", "0.490 (carry-all)", "20"]
    with input_error(InputError):
        results.tabulate(ROWS, Query(columns=("colour",)))


def test_rows_are_grouped_and_chosen_by_fields_and_settings():
    header, lines = results.tabulate(
        ROWS, Query(by=("positional_encoding", "hidden"), where=[("positional_encoding", "rope")])
    )
    assert header[:2] == ["positional_encoding", "hidden"]
    assert [line[:3] for line in lines] == [["rope", "64", "digit positions"]]
    assert len(results.tabulate(ROWS, Query(by=("seed",), where=[("run", "*a*")]))[1]) == 3
    assert cells("minimum", where=[("seed", "0")])[1] == [["1.000"], ["0.500 (carry-all)"]]


def test_a_run_that_was_not_tried_for_it_had_not_learned_is_not_proved():
    rows = [row("a", seed, "rope", 0, proved=proved) for seed, proved in enumerate((True, None, False))]
    assert cells("proved", rows)[1] == [["1 of 2 (> 0.02), every length"]]
    for run in rows:
        run.settings["prove"] = 3
    assert cells("proved", rows)[1] == [["1 of 3 (> 0.01), every length"]]


def test_options_of_a_model_of_ones_own_are_fields():
    own = [row("own", seed, None, 0) for seed in range(2)]
    for seed, run in enumerate(own):
        run.settings["model"]["options"] = json.dumps({"heads": 4 * seed})
    tables = [results.tabulate(own, Query(by=(by,)))[1] for by in ("model-options", "model-options.heads", "epochs")]
    assert [[line[0] for line in lines] for lines in tables] == [['{"heads": 0}', '{"heads": 4}'], ["0", "4"], ["1"]]
    assert results.field_of(ROWS[0], "model-options.heads") == ""
    names = ("label-smoothing", "ema_decay", "heads")
    assert [results.field_of(ROWS[0], name) for name in names] == ["0.0", "no averaging", ""]
    settings = override(TrainConfig(), name="causal").to_json()
    causal = dataclasses.replace(ROWS[0], model="causal", settings=settings)
    assert [results.field_of(causal, name) for name in ("heads", "ffn-dim")] == ["4", "4 times --hidden"]


def test_what_is_not_there_is_said(input_error):
    with input_error(InputError):
        results.tabulate(ROWS, Query(where=[("run", "b"), ("positional_encoding", "rope")]))
    with input_error(InputError):
        dataclasses.replace(ROWS[0], settings={})
    with pytest.raises(InputError, match="there is no field 'colour'; give one of attention_window, "):  # every option
        results.tabulate(ROWS, Query(by=("colour",)))


def test_a_file_is_read_back_and_a_later_line_counts(tmp_path, capsys, input_error):
    path = tmp_path / results.RESULTS
    for run in [*ROWS, row("b", 0, "nope", 250)]:
        results.append(path, run)
    rows = results.read(tmp_path)
    assert rows[:3] == ROWS[:3]
    assert rows[3].scores["carry-all"]["exact_match"] == 0.75
    path.write_text(json.dumps(ROWS[0].to_json()) + '\n{"run": "cut')
    results.append(path, ROWS[1])
    assert results.read(path) == ROWS[:2]
    assert "line 2, is not" in capsys.readouterr().err
    path.write_text("{}\n")
    with input_error(InputError):
        results.read(path)
    whole, names = ROWS[0].to_json(), ("exact_match", "scores", "hints", "settings", "model", "run", "seed", "suite")
    harmed = [whole | {name: value} for name in names for value in (None, 1e400)]
    harmed += [{name: value for name, value in whole.items() if name != "scores"}]
    harmed += [whole | {"scores": {"rows": [whole["scores"]["rows"][0] | {"right": 101}]}}, whole | {"settings": {}}]
    path.write_text("".join(json.dumps(line) + "\n" for line in [*harmed, ROWS[3].to_json()]))
    assert results.read(path) == ROWS[3:]
    errors = capsys.readouterr().err.splitlines()
    assert [f"line {number}, is not" in line for number, line in enumerate(errors, 1)] == [True] * len(harmed)
    with input_error(InputError):
        results.read(tmp_path / "gone")


def test_the_program_prints_text_and_markdown(tmp_path, capsys):
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(run.to_json()) + "\n" for run in ROWS))
    assert main(["results", str(tmp_path), "--by", "positional_encoding"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[2].startswith("rope")
    assert main(["results", str(tmp_path), str(tmp_path / "results.jsonl"), "--by", "positional_encoding"]) == 0
    assert capsys.readouterr().out == printed  # each run once
    other = dataclasses.replace(ROWS[0], task="pq", sha256="of another dataset")
    (tmp_path / "other.jsonl").write_text(json.dumps(other.to_json()) + "\n")
    assert main(["results", str(tmp_path), str(tmp_path / "other.jsonl"), "--by", "task"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert main(["results", str(tmp_path), "--markdown"]) == 0
    assert capsys.readouterr().out.startswith(
        "| run | hints | draws | seeds | not seen, wrong (v1) | wrong | minimum over seeds | seeds with 100% |"
    )
    assert main(["results", str(tmp_path), "--where", "rope"]) == 2
    assert capsys.readouterr().err == "arith-model: --where is 'rope'; give FIELD=VALUE, such as task=addition\n"


def test_tables_keep_the_commands_that_made_them():
    """A table whose command is lost, or written in another form, would not be compared."""
    assert sum(len(MADE.findall(page.read_text(encoding="utf-8"))) for page in PAGES) >= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_number_of_a_table_that_says_so_is_typed_by_hand(page, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for arguments, shown in MADE.findall(page.read_text(encoding="utf-8")):
        assert main(shlex.split(arguments)) == 0
        assert capsys.readouterr().out == shown, f"run arith-model {arguments}"
