"""The file of a sweep: lists are combinations, and what does not fit is refused in one sentence."""

import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.sweeps import plan

FILE = """
[common]
task = "addition"
num_examples = 2000
[suite]
per-slice = 20
[runs.cells]
model = ["lstm", "gru"]
hidden = [16, 32]
[runs.other]
task = "pq"
xla = true
seeds = "5,6"
suite = { lengths = "30" }
"""


def read(tmp_path, text, seeds=(0,)):
    path = tmp_path / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return plan.read(path, list(seeds))


def test_every_combination_and_every_seed_is_a_run(tmp_path):
    runs = read(tmp_path, FILE, seeds=[0, 3])
    names = ["cells-lstm-16", "cells-lstm-32", "cells-gru-16", "cells-gru-32"]
    names = [f"{name}-seed{seed}" for seed in (0, 3) for name in names]
    assert [run.name for run in runs] == [*names, "other-seed5", "other-seed6"]
    assert (runs[1].task, runs[1].seed) == ("addition", 0)
    assert runs[1].settings == {"num-examples": 2000, "model": "lstm", "hidden": 32}
    assert runs[1].suite == {"per-slice": 20}
    assert (runs[-1].task, runs[-1].seed) == ("pq", 6)
    assert runs[-1].settings == {"num-examples": 2000, "xla": True}
    assert runs[-1].suite == {"per-slice": 20, "lengths": "30"}


def test_data_seeds_are_paired_with_seeds(tmp_path):
    text = "[common]\ntask = 'addition'\ndata_seeds = '7,5-6'\n[runs.a]\nhidden = [16, 32]\n[runs.b]\nseeds = '3,1,2'"
    runs = read(tmp_path, text, seeds=[0, 1, 2])
    groups = {name: [run for run in runs if run.group == name] for name in ("a-16", "a-32", "b")}
    assert sum(map(len, groups.values())) == len(runs) == 9
    pairs = {name: [(run.seed, run.settings["data-seed"]) for run in group] for name, group in groups.items()}
    assert pairs["a-16"] == pairs["a-32"] == [(0, 7), (1, 5), (2, 6)] and pairs["b"] == [(3, 7), (1, 5), (2, 6)]
    assert runs[0].settings == {"hidden": 16, "data-seed": 7}


@pytest.mark.parametrize(
    "text",
    [
        "[common",
        "[common]\ntask = 'pq'",
        "runs = 3",
        "[seeds]\n[runs.a]",
        "[runs.a]\nhidden = 3",
        "[common]\ntask = 'pq'\n[runs.a]\nseed = 3",
        "[common]\ntask = 'pq'\ninput_format = ['plain']\n[runs.a]\n[runs.a-plain]\ninput_format = 'plain'",
        "[common]\ntask = 'pq'\n[runs.a]\nrun_dir = 'x'",
        "[common]\ntask = 'pq'\n[runs.a]\nsuite = 'x'",
        "[common]\ntask = 'pq'\ninput_format = []\n[runs.a]",
        "[common]\ntask = 'pq'\n[runs.a]\nmodel = ['a/b.py:c', 'd']",
        "[common]\ntask = 'pq'\n[runs.a]\nseeds = '0-3'\ndata_seeds = '0-2'",
        "[common]\ntask = 'pq'\ndata_seed = [1, 2]\n[runs.a]\ndata_seeds = 0",
        "[common]\ntask = 'pq'\n[runs.a]\ndata_seeds = 'x'",
    ],
)
def test_what_is_not_a_sweep_is_refused(tmp_path, input_error, text):
    with input_error(InputError):
        read(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path, input_error):
    with input_error(InputError):
        plan.read(tmp_path / "gone.toml", [0])
