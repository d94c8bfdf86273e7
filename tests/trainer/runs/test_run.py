"""The folder of a run: which runs may use it, and which settings may differ."""

import dataclasses

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.run import Run, absolute, differences, local_folder, open_run
from seq2seq_arith.trainer.training import session


def run_in(folder, **changes):
    run = Run(folder / "run", Task("addition"), "abc", "/data", TrainConfig())
    return dataclasses.replace(run, **changes)


def trained(run):
    """Leaves a file of a training in the folder of a run, which is made."""
    run.write_config()
    run.last.touch()


PLAIN, CAUSAL = TrainConfig(), override(TrainConfig(), name="causal", input_format="reversed")
PATIENT, COSINE = (override(PLAIN, patience=3, target=0.9, schedule=schedule) for schedule in ("constant", "cosine"))
ENDLESS = {"patience": 0, "target": None}  # they only say when it ends


@pytest.mark.parametrize(
    ("config", "changes", "afterwards"),
    [
        (PLAIN, {}, PLAIN),
        (PLAIN, {"data_dir": "/elsewhere"}, PLAIN),
        # What does not change the result stays as it was.
        (PLAIN, {"config": override(PLAIN, replicas=2, xla=True, checkpoint_seconds=5.0)}, PLAIN),
        # A run with a constant rate may go on to more epochs.
        (PLAIN, {"config": override(PLAIN, epochs=80, replicas=2)}, override(PLAIN, epochs=80)),
        (PATIENT, {"config": override(PATIENT, **ENDLESS)}, override(PATIENT, **ENDLESS)),
        (COSINE, {"config": override(COSINE, **ENDLESS)}, override(COSINE, **ENDLESS)),
        # A setting that has its default is the same.
        (CAUSAL, {"config": override(CAUSAL, **NETWORK_OPTIONS | {"distractors": None, "ffn_dim": 512})}, CAUSAL),
    ],
)
def test_the_same_run_may_go_on(tmp_path, config, changes, afterwards):
    trained(run_in(tmp_path, config=config))
    run_in(tmp_path, **{"config": config} | changes).write_config()
    assert open_run(tmp_path / "run") == run_in(tmp_path, config=afterwards)


OTHERS = [{"config": override(TrainConfig(), hidden=3)}, {"task": Task("addition", size=4)}, {"sha256": "def"}]


@pytest.mark.parametrize("changes", OTHERS)
def test_a_run_that_was_never_trained_gives_way_to_any_other(tmp_path, changes):
    """Its training may have failed before its first checkpoint, for example for lack of memory."""
    run_in(tmp_path).write_config()
    other = run_in(tmp_path, **changes)
    other.write_config()
    assert open_run(other.folder) == other


def test_one_process_trains_in_a_folder(tmp_path, input_error):
    """A lock ends with its process, as ``tests/base/test_files.py`` shows."""
    run = run_in(tmp_path)
    with run.locked():
        with input_error(InputError), run.locked():
            raise AssertionError("entered")
        with run.locked(writes=False):  # another machine of a cluster, which writes nothing
            pass
    with run.locked():
        run.write_config()


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (PLAIN, {"config": override(PLAIN, epochs=3)}),
        *((PLAIN, changes) for changes in OTHERS),
        (COSINE, {"config": override(COSINE, epochs=80)}),  # whose rates depend on the epochs
        (CAUSAL, {"config": override(CAUSAL, heads=8)}),
    ],
    ids=["fewer epochs", "hidden", "task", "dataset", "more epochs of a schedule", "heads"],
)
def test_another_run_is_refused(tmp_path, input_error, config, changes):
    trained(run_in(tmp_path, config=config))
    with input_error(InputError):
        run_in(tmp_path, **{"config": config} | changes).write_config()


def test_a_changed_configuration_is_told(tmp_path, input_error):
    run = run_in(tmp_path)
    run.write_config()
    run.config_path.write_text(run.config_path.read_text().replace("abc", "abd"))
    with input_error(InputError):
        open_run(run.folder)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"data": {}, "train": {}}', "[" * 200_000])
def test_what_is_no_run_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError):
        open_run(tmp_path)


def test_a_folder_in_the_home_directory(tmp_path, monkeypatch):
    """A shell does not expand ``--run-dir=~/run``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    run_in(tmp_path).write_config()
    assert open_run("~/run").folder == local_folder("~/run") == tmp_path / "run"
    assert absolute("~/run") == str(tmp_path / "run")
    assert local_folder("~nobody-has-this-name/x").parts[0] == "~nobody-has-this-name"


def test_a_folder_that_cannot_be_used(tmp_path, input_error):
    (tmp_path / "file").write_text("a file")
    for folder in (tmp_path / "file", tmp_path / "file" / "run", tmp_path):
        with input_error(InputError):
            dataclasses.replace(run_in(tmp_path), folder=folder).write_config()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_places_in_an_object_store(tmp_path, monkeypatch, input_error):
    monkeypatch.chdir(tmp_path)
    with input_error(InputError):
        local_folder("gs://bucket/runs")
    with input_error(InputError):
        local_folder("")
    assert [absolute(place) for place in ("gs://bucket/data", "data")] == ["gs://bucket/data", f"{tmp_path}/data"]


def test_what_machines_must_have_in_common(tmp_path):
    run = run_in(tmp_path)
    same = run_in(tmp_path / "elsewhere", data_dir="/other", config=override(TrainConfig(), replicas=2))
    others = [run_in(tmp_path, sha256="def"), run_in(tmp_path, config=override(TrainConfig(), seed=1))]
    assert 0 <= run.fingerprint() == same.fingerprint() < 2**31
    assert run.fingerprint() not in {other.fingerprint() for other in others}


def test_lengths_that_a_model_can_be_asked(tmp_path, input_error):
    run = run_in(tmp_path)
    assert [run.task_of_length(length).size for length in (1, 3, 18)] == [3, 3, 18]
    fixed = run_in(tmp_path, config=override(TrainConfig(), name="lstm_transformer"))
    assert fixed.task_of_length(2) == fixed.task
    residues = dataclasses.replace(run, task=Task("modular_addition"))
    for each, length in ((run, 0), (run, 1001), (fixed, 4), (residues, 4)):
        with input_error(InputError):
            each.task_of_length(length)


def test_a_setting_that_only_one_run_has_is_a_difference():
    found = differences({"train": {"seed": 1, "old": 2}}, {"train": {"seed": 1}})
    assert found == {"train.old": "train.old is 2 there and None here"}
    assert set(differences({"train": {}}, {"train": {"new": 3}})) == {"train.new"}


def test_a_plug_ins_name_reaches_no_terminal_as_it_is(tmp_path, capsys):
    """Nor the title of a picture: it may hold codes of terminals, or turn the text after it around."""
    file = tmp_path / "a\n\x1b[31m\u202e.py"
    file.touch()
    run = run_in(tmp_path, config=TrainConfig(model=ModelConfig(name=f"{file}:model")))
    assert run.title.isprintable()
    session._announce(run, 5000, 1)
    assert capsys.readouterr().out.removesuffix("\n").isprintable()
    entry = listing.Entry(name="run", state=listing.RunState.FINISHED, model=file.name, input_format=file.name)
    assert all(map(str.isprintable, entry.cells()))
