"""Models of one's own: they run where they are named, and nowhere else, and their faults are one sentence."""

import contextlib
import dataclasses
import io
import json
import shutil
import subprocess
import sys

import pytest

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.registry import model_entry

NETS = '''"""Networks of my own."""
import keras
from keras import layers


def writer(spec):
    """Reads what it has written; --model-options {"units": 8}."""
    question, previous = spec.question(), spec.previous()
    units = spec.options.get("units", spec.hidden)
    read = layers.Flatten()(layers.Embedding(spec.depth, units, name="read")(question))
    state = layers.Dense(units, "tanh", name="state")(read)
    written = layers.Embedding(spec.depth + 1, units, name="written")(previous)
    sequence = layers.GRU(units, return_sequences=True, name="gru")(written, initial_state=state)
    return keras.Model([question, previous], layers.Dense(spec.depth, name="logits")(sequence), name=spec.name)


def crooked(spec):
    question = spec.question()
    return keras.Model(question, layers.Embedding(spec.depth, 5, name="read")(question))


def seeing(spec):
    question, previous = spec.question(), spec.previous()
    sequence = layers.Embedding(spec.depth + 1, 8, name="written")(previous)
    sequence = layers.MultiHeadAttention(2, 4, name="attention")(sequence, sequence)
    return keras.Model([question, previous], layers.Dense(spec.depth, name="logits")(sequence), name=spec.name)


def failing(spec):
    return 1 / 0


def nothing(spec):
    return None
'''
PREPARED = ["--digits", "2", "--num-examples", "2000", "--recipe", "notebook", "--hidden", "16", "--epochs", "1"]


def arith_model(*arguments):
    """Runs the program in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture
def nets(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def train(nets, function, data, run, *options):
    options = [*PREPARED, "--data-dir", data, "--run-dir", run, "--model", f"{nets}:{function}", *options]
    return arith_model("train", "addition", *options)


def test_a_model_of_ones_own_is_trained_asked_and_exported(nets, data, tmp_path):
    run, out, own = tmp_path / "run", tmp_path / "out", f"{nets}:writer"
    done = train(nets, "writer", data, run, "--model-options", '{"units": 8}')
    assert done.returncode == 0, done.stderr
    saved = json.loads((run / "config.json").read_text())["train"]["model"]
    assert saved["name"] == own
    assert saved["options"] == '{"units": 8}'
    assert saved["code_sha256"] == plugins.sha256(own)
    asked = arith_model("predict", str(run), "12+34", "--model", own)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("12+34 = ")
    assert arith_model("evaluate", str(run), "--model", own, "--per-slice", "5").returncode == 0
    exported = arith_model("export", str(run), str(out), "--model", own)
    assert exported.returncode == 0, exported.stderr
    assert (out / "nets.py").read_text() == NETS
    assert "`import nets` before `keras.saving.load_model`" in (out / "README.md").read_text()
    code = (
        f"import tensorflow as tf; model = tf.saved_model.load({str(out / 'saved_model')!r}); "
        "print('12+34 = ' + model.answer(['12+34'])['answer'].numpy()[0].decode())"
    )
    elsewhere = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert elsewhere.stdout.strip() == asked.stdout.strip()


def test_a_run_goes_on_only_with_the_same_code(nets, data, tmp_path):
    run = tmp_path / "run"
    assert train(nets, "writer", data, run).returncode == 0
    again = train(nets, "writer", data, run)
    assert again.returncode == 0, again.stderr
    nets.write_text(NETS + "\n# another comment\n", encoding="utf-8")
    changed = train(nets, "writer", data, run)
    assert changed.returncode == 2
    assert "holds a run with other settings (train.model.code_sha256 is" in changed.stderr
    asked = arith_model("predict", str(run), "1+2", "--model", f"{nets}:writer")
    assert asked.returncode == 2
    assert asked.stderr.startswith(f"arith-model: {nets} has changed since this run was trained with it; give the file")


def test_the_code_that_a_folder_names_does_not_run(nets, data, tmp_path):
    """In another process, where nobody has named it."""
    run, ran = tmp_path / "run", tmp_path / "ran"
    assert train(nets, "writer", data, run).returncode == 0
    nets.write_text(f"open({str(ran)!r}, 'w')\n{NETS}", encoding="utf-8")
    for command in (["predict", str(run), "1+2"], ["evaluate", str(run)], ["export", str(run), str(tmp_path / "out")]):
        program = [sys.executable, "-m", "seq2seq_arith.trainer", *command]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == (
            f"arith-model: this run's model is the code {nets}:writer, which runs only if you name it; if you trust "
            f"it, add: --model {nets}:writer"
        )
        assert not ran.exists()


FAULTS = {
    "gone": "/nets.py has no function 'gone'; it has writer, crooked, seeing, failing, nothing",
    "crooked": ":crooked' gives logits of shape (2, 5, 5) for two questions, not (2, 3, 12)",
    "failing": "/nets.py, line 30: ZeroDivisionError: division by zero",
    "seeing": ":seeing' sees characters of the answer that it has not written yet; mask what comes later",
    "nothing": ":nothing' cannot be built: TypeError: a NoneType was returned, and not a keras.Model or a Network",
}


@pytest.mark.parametrize("function", FAULTS)
def test_a_fault_is_one_sentence(nets, data, tmp_path, function):
    done = train(nets, function, data, tmp_path / "run")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("arith-model: model ")
    assert last.endswith(FAULTS[function])
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(:\n", r"nets\.py, line 1: SyntaxError: invalid syntax$"),
        ("import nothing_of_that_name\n", r"nets\.py, line 1: ModuleNotFoundError: No module named 'nothing_of_that"),
    ],
)
def test_a_file_that_cannot_be_imported(nets, text, sentence):
    nets.write_text(text, encoding="utf-8")
    name = plugins.absolute(f"{nets}:f")
    plugins.allow(name)
    with pytest.raises(InputError, match=sentence):
        plugins.load(name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"gone\.py cannot be read \(No such file or directory\); give FILE\.py:FUNC"):
        ModelConfig(name=f"{tmp_path}/gone.py:f")


def test_options_are_a_json_object_of_a_model_of_ones_own(nets):
    own = f"{nets}:writer"
    assert ModelConfig(name=own, options='{"b":1,"a":2}').options == '{"a": 2, "b": 1}'
    assert ModelConfig(name=own, options='{"heads": 2}').network_options() == {"heads": 2}
    with pytest.raises(InputError, match=r"""model-options is '\[1\]'; give a JSON object, such as '{"heads": 2}'"""):
        ModelConfig(name=own, options="[1]")
    with pytest.raises(InputError, match="model 'lstm' has none; leave it out"):
        ModelConfig(options="{}")


def test_the_configuration_goes_round(nets):
    config = TrainConfig(model=ModelConfig(name=f"{nets}:writer", options='{"units": 8}'))
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    old = config.to_json()
    old["model"] = {"name": "transformer", "view": "raw", "hidden": 8, "layers": 1}
    assert TrainConfig.from_json(old).model == ModelConfig(name="lstm_transformer", hidden=8)


def test_an_installed_package_gives_its_models_names(tmp_path, monkeypatch, nets):
    """As entry points do: a distribution is a folder with metadata."""
    shutil.copy(nets, tmp_path / "their_nets.py")
    metadata = tmp_path / "their_nets-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-nets\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{plugins.GROUP}]\ntheirs = their_nets:writer\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.installed.cache_clear()
    try:
        assert plugins.installed()["theirs"].value == "their_nets:writer"
        assert model_entry("theirs").help == "a model of your own"
        config = dataclasses.replace(ModelConfig(), name="theirs")
        assert config.code_sha256 is None
        from seq2seq_arith.arithmetic.tasks import Task
        from seq2seq_arith.trainer.data.views import make_view
        from seq2seq_arith.trainer.models.build import build_network

        network = build_network(dataclasses.replace(config, hidden=8), make_view("raw", Task("addition")))
        assert network.model.name == "theirs"
    finally:
        plugins.installed.cache_clear()


def test_refusals_name_the_ways_to_give_a_model(tmp_path):
    done = arith_model("train", "addition", "--data-dir", "d", "--run-dir", "r", "--model", "sideways")
    assert done.returncode == 2
    assert "model is 'sideways'; give one of lstm, " in done.stderr
