"""What ``arith-model serve --export`` leaves out, and when it refuses; what a page answers is in ``test_browser``."""

import shutil

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.playground import export

OWN_TASKS = f"{ROOT}/examples/task/own_tasks.py"
OWN_MODEL = f"{ROOT}/examples/own_model.py:transformer"


@pytest.fixture
def known(monkeypatch):
    """The tasks and the code that are known are forgotten afterwards."""
    for module, name, empty in ((own_tasks, "_current", {}), (own_tasks, "_known", {}), (plugins, "_allowed", set())):
        monkeypatch.setattr(module, name, empty)


# From the name of a run to how it is made, and the sentence that says why no page holds it.
LEFT_OUT = {
    "causal": (
        lambda make, folder: make(folder, Task("addition"), name="causal", view="backward"),
        f"the page computes {', '.join(export.NETWORKS)}, and this is causal",
    ),
    "damaged": (
        lambda make, folder: make(folder, Task("pq", digits=9), name="counter").best.write_bytes(b"PK"),
        "best.npz cannot be read",
    ),
    "empty": (
        lambda make, folder: make(folder, Task("pq", digits=9), name="counter").config_path.write_text("{}"),
        "config.json is not the configuration of a run; give the folder of one",
    ),
    "large": (
        lambda make, folder: make(folder, Task("addition"), name="lstm_tagger", view="aligned", hidden=700),
        "weights, and a page holds at most 1,500,000",
    ),
    "own-model": (
        lambda make, folder: make(folder, Task("addition"), name=OWN_MODEL),
        "which runs only if you name it",
    ),
    "own-task": (
        lambda make, folder: make(folder, Task("copy", digits=3), name="lstm_tagger"),
        "the page computes the tasks and the views of this package alone",
    ),
    "untrained": (
        lambda make, folder: make(folder, Task("pq", digits=9), name="counter").best.unlink(),
        "best.npz; train the run first",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_run_that_no_page_holds_is_left_out_with_the_reason(name, known, untrained, tmp_path, capsys):
    spoil, sentence = LEFT_OUT[name]
    own_tasks.use(OWN_TASKS)
    plugins.allow(OWN_MODEL)
    spoil(untrained, tmp_path / "runs" / name)
    plugins._allowed.clear()
    assert main(["serve", str(tmp_path / "runs"), "--export", str(tmp_path / "page")]) == 2
    printed = capsys.readouterr()
    (left_out,) = printed.out.splitlines()
    assert left_out.startswith(f"left out: {name}: ") and sentence in left_out
    named = ", ".join(export.NETWORKS)
    assert printed.err == (
        f"arith-model: no run of {tmp_path / 'runs'} can be on such a page; give a folder with a run of {named}\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_others_are_on_the_page(untrained, tmp_path, capsys):
    untrained(tmp_path / "runs" / "counter", Task("pq", digits=9), name="counter")
    untrained(tmp_path / "runs" / "causal", Task("addition"), name="causal", view="backward")
    folder = tmp_path / "page"
    assert main(["serve", str(tmp_path / "runs"), "--export", str(folder)]) == 0
    left_out, written = capsys.readouterr().out.splitlines()
    assert left_out.startswith("left out: causal: ")
    assert written.startswith(f"{folder / 'index.html'}: 1 run, ")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*export.COPIED, "index.html", "runs.js"])
    shutil.rmtree(tmp_path / "runs" / "causal")
    assert main(["serve", str(tmp_path / "runs"), "--export", str(folder)]) == 2
    assert capsys.readouterr().err == f"arith-model: {folder} is there already; give a folder that is not\n"


def test_a_folder_that_cannot_be_written_is_a_failure(untrained, tmp_path, capsys):
    untrained(tmp_path / "runs" / "counter", Task("pq", digits=9), name="counter")
    (tmp_path / "file").write_text("")
    assert main(["serve", str(tmp_path / "runs"), "--export", str(tmp_path / "file" / "page")]) == 1
    assert "page cannot be written (Not a directory)" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "runs"]
