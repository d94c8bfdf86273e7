"""What a page knows of runs, served and exported, and what it leaves out; what it answers is in ``test_browser``."""

import json
import re
import types

import pytest
from layout import OWN_MODEL, OWN_TASKS
from processes import emptied

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import process
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.playground import catalog, page
from seq2seq_arith.trainer.runs.run import open_run


@pytest.fixture
def known(no_custom_tasks):
    """The tasks and the code that are known are forgotten afterwards."""
    with emptied(process.current().plugins):
        yield


def test_runs_that_no_page_holds_are_left_out_with_the_reason(known, unbuilt, tmp_path, capsys, input_error):
    own_tasks.use(OWN_TASKS)
    plugins.allow(OWN_MODEL)
    top, pq = tmp_path / "runs", Task("pq", size=9)
    unbuilt(top / "causal", Task("addition"), name="causal", input_format="reversed")
    unbuilt(top / "counter-pairs", Task("addition"), name="counter", input_format="aligned")
    unbuilt(top / "damaged", pq, name="counter").best.write_bytes(b"PK")
    unbuilt(top / "empty", pq, name="counter").config_path.write_text("{}")
    unbuilt(top / "large", Task("addition"), name="bilstm_tagger", input_format="aligned", weights=page.MAX_WEIGHTS + 1)
    unbuilt(top / "no-blanks", Task("addition"), name="lstm_attention", blanks=False)
    unbuilt(top / "own-model", Task("addition"), name=OWN_MODEL)
    unbuilt(top / "own-task", Task("sort", size=3), name="bilstm_tagger")
    unbuilt(top / "untrained", pq, name="counter").best.unlink()
    process.current().plugins.clear()
    assert main(["serve", str(top), "--export", str(tmp_path / "page")]) == 2
    printed = capsys.readouterr()
    names = [line.split(": ")[1] for line in printed.out.splitlines()]
    assert names == sorted(path.name for path in top.iterdir())
    input_error.printed(printed.out)
    input_error.printed(printed.err)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_others_are_on_the_page(untrained, unbuilt, tmp_path, capsys):
    untrained(tmp_path / "runs" / "counter", Task("pq", size=9), name="counter")
    unbuilt(tmp_path / "runs" / "causal", Task("addition"), name="causal", input_format="reversed")
    folder = tmp_path / "page"
    question = ["--question", "counter", "3p2"]
    assert main(["serve", str(tmp_path / "runs"), "--export", str(folder), *question]) == 0
    left_out, written = capsys.readouterr().out.splitlines()
    assert left_out.startswith("left out: causal: ")
    assert written.startswith(f"{folder / 'index.html'}: 1 run, ")
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    text = (folder / "index.html").read_text()
    held = json.loads(re.search(r"<script>window.playground = (.*?);\n</script>", text)[1])
    assert held["asked"] == "run=counter&question=3p2"
    served = json.loads(page.served(tmp_path / "runs").removeprefix("window.playground = ").removesuffix(";\n"))
    (on_page,), (other, computed) = held["runs"], served["runs"]
    # One format: an exported page only holds what a server is asked for else.
    assert {name: on_page[name] for name in computed} == computed and computed["network"] == "counter"
    assert sorted({*on_page} - {*computed}) == ["at_lengths", "weights"]
    assert {*computed} - {*other} == {*page.computed(open_run(tmp_path / "runs" / "counter"))}
    assert on_page["weights"] == {"best": page.weights(open_run(tmp_path / "runs" / "counter"))}
    # It is alone: nothing is loaded, and nobody is asked; only a click on a link leads elsewhere.
    assert re.findall(r'(?:src=|<link [^>]*href=)"(?!data:)', text) == [] and "connect-src 'none'" in text
    assert "connect-src 'self'" in page.static("index.html")


def test_scores_end_with_the_first_length_at_which_a_model_breaks(unbuilt, tmp_path):
    """But not below the lengths of its training."""
    run = unbuilt(tmp_path / "adds", Task("addition"), name="bilstm_tagger", input_format="aligned")
    worst = {1: 0.0, 2: 1.0, 3: 1.0, 4: catalog.BROKEN, 5: catalog.BROKEN - 0.01, 6: 0.0}
    models = types.SimpleNamespace(at_length=lambda _, length: {"length": length, "worst": worst[length]})
    assert [row["length"] for row in page._at_lengths(models, run, [*worst])] == [1, 2, 3, 4, 5]


def test_a_name_begins_and_ends_no_element():
    assert "<" not in page.script({"runs": [{"name": "</script><!--"}]})
