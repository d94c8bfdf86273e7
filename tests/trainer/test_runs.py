import dataclasses

import pytest

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.runs import Run, absolute, local_folder, open_run


def run_in(folder, **changes):
    run = Run(folder / "run", Task("addition"), "abc", "/data", TrainConfig())
    return dataclasses.replace(run, **changes)


def test_a_claimed_folder_says_what_the_run_is(tmp_path):
    run = run_in(tmp_path)
    run.claim()
    assert open_run(run.folder) == run
    assert [path.name for path in run.folder.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    "changes",
    [{}, {"data_dir": "/elsewhere"}, {"config": override(TrainConfig(), replicas=2, checkpoint_seconds=5.0)}],
)
def test_the_same_run_may_go_on(tmp_path, changes):
    run_in(tmp_path).claim()
    run_in(tmp_path, **changes).claim()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"config": override(TrainConfig(), epochs=3)}, "train.epochs is 50 there and 3 here"),
        ({"config": override(TrainConfig(), hidden=3)}, "train.model.hidden is 128 there and 3 here"),
        (
            {"task": Task("addition", digits=4)},
            "holds a run on addition, and this is addition-d4; give another --run-dir",
        ),
        ({"sha256": "def"}, "holds a run on other data of the same name, abc there and def here"),
    ],
)
def test_another_run_is_refused(tmp_path, changes, sentence):
    run_in(tmp_path).claim()
    with pytest.raises(InputError) as caught:
        run_in(tmp_path, **changes).claim()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"data": {}, "train": {}}'])
def test_what_is_no_run_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError):
        open_run(tmp_path)


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="file is a file; give a --run-dir that is a folder"):
        dataclasses.replace(run_in(tmp_path), folder=tmp_path / "file").claim()
    with pytest.raises(InputError, match="cannot be written"):
        run_in(tmp_path / "file").claim()
    with pytest.raises(InputError, match="is no run and has other files, file say; give a new --run-dir"):
        dataclasses.replace(run_in(tmp_path), folder=tmp_path).claim()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_setting_that_cannot_be_used_is_named(tmp_path):
    run_in(tmp_path).claim()
    path = run_in(tmp_path).config_path
    path.write_text(path.read_text().replace('"epochs": 50', '"epochs": 0'))
    with pytest.raises(InputError, match=r"config\.json cannot be used: epochs is 0"):
        open_run(path.parent)


def test_places_in_an_object_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"gs://bucket/runs is on no disk of this machine"):
        local_folder("gs://bucket/runs")
    with pytest.raises(InputError, match="the folder has an empty name"):
        local_folder("")
    assert [absolute(place) for place in ("gs://bucket/data", "data")] == ["gs://bucket/data", f"{tmp_path}/data"]


def test_what_machines_must_have_in_common(tmp_path):
    run = run_in(tmp_path)
    same = run_in(tmp_path / "elsewhere", data_dir="/other", config=override(TrainConfig(), replicas=2))
    others = [run_in(tmp_path, sha256="def"), run_in(tmp_path, config=override(TrainConfig(), seed=1))]
    assert 0 <= run.fingerprint() == same.fingerprint() < 2**31
    assert run.fingerprint() not in {other.fingerprint() for other in others}


def test_lengths_that_a_model_can_be_asked(tmp_path):
    run = run_in(tmp_path)
    assert [run.task_of_length(length).digits for length in (1, 3, 18)] == [3, 3, 18]
    for length, sentence in ((0, "length is 0; give lengths from 1"), (99, "digits is 99")):
        with pytest.raises(InputError, match=sentence):
            run.task_of_length(length)
    fixed = run_in(tmp_path, config=override(TrainConfig(), name="transformer"))
    assert fixed.task_of_length(2) == fixed.task
    with pytest.raises(InputError, match=r"'transformer' has weights for every place .* operands of at most 3; give"):
        fixed.task_of_length(4)
