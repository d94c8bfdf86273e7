"""Models of one's own: they run where they are named, and nowhere else, and their faults are one sentence."""

import dataclasses

import pytest
from processes import emptied
from programs import run_here

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import process
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.models.build import outline, try_out
from seq2seq_arith.trainer.plugins import Plugin
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import devices, learner

NETS = '''"""Networks of my own."""
import keras
from keras import layers
from seq2seq_arith.trainer.models import network

built = []

def writer(spec):
    """Reads what it has written; --model-options {"units": 8}."""
    question, previous = spec.question(), spec.previous()
    units = spec.options.get("units", spec.hidden)
    state = layers.Dense(units, "tanh")(layers.Flatten()(layers.Embedding(spec.depth, units)(question)))
    written = layers.Embedding(spec.depth + 1, units)(previous)
    sequence = layers.GRU(units, return_sequences=True, dropout=0.1)(written, initial_state=state)
    return keras.Model([question, previous], layers.Dense(spec.depth)(sequence), name=spec.name)


def crooked(spec):
    question = spec.question()
    return keras.Model(question, layers.Embedding(spec.depth, 5, name="read")(question))


def seeing(spec):
    question, previous = spec.question(), spec.previous()
    sequence = layers.Embedding(spec.depth + 1, 8, name="written")(previous)
    sequence = layers.MultiHeadAttention(2, 4, name="attention")(sequence, sequence)
    return keras.Model([question, previous], layers.Dense(spec.depth, name="logits")(sequence), name=spec.name)


def changing(spec):
    built.append(spec)
    question = spec.question()
    read = layers.Embedding(spec.depth, spec.depth, name=f"read_{len(built)}")(question)
    return keras.Model(question, read[:, : spec.steps])


def failing(spec):
    return 1 / 0


class Forgetful(network.Autoregressive):
    def step(self, state, index, previous):
        return super().step(state, index, 0 * previous)


def stepping(spec):
    return Forgetful(writer(spec))


def half(spec):
    question = spec.question()
    read = layers.Embedding(spec.depth, spec.depth, name="read", dtype="float16")(question)
    return keras.Model(question, read[:, : spec.steps])
'''
PREPARED = ["--digits", "2", "--num-examples", "2000", "--recipe", "notebook", "--hidden", "16", "--epochs", "1"]


@pytest.fixture
def nets(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETS, encoding="utf-8")
    return path


def train(nets, run):
    options = [*PREPARED, "--data-dir", run.with_name("data"), "--run-dir", run, "--model", f"{nets}:writer"]
    return run_here("train", "addition", *options, main=main)


@pytest.mark.slow
def test_a_run_goes_on_only_with_the_same_code(nets, tmp_path):
    run = tmp_path / "run"
    assert train(nets, run).returncode == 0
    # Its weights are for strings of one length, so the report asks no other.
    options = "--per-slice", "2", "--output", tmp_path / "report.html", "--model", f"{nets}:writer"
    assert run_here("report", run, *options, main=main).returncode == 0
    again = train(nets, run)
    assert again.returncode == 0, again.stderr
    nets.write_text(NETS + "\n# another comment\n", encoding="utf-8")
    changed = train(nets, run)
    assert changed.returncode == 2
    assert "contains a run with other options (train.model.code_sha256 is" in changed.stderr
    asked = run_here("predict", run, "1+2", "--model", f"{nets}:writer", main=main)
    assert asked.returncode == 2
    assert asked.stderr.startswith(f"arith-model: {nets} has changed since this run was trained with it; restore")


@pytest.mark.parametrize(
    ("field", "option", "flag"),
    [
        ("name", "model", "--model"),
        ("input_format", "input_format", "--input-format"),
        ("positional_encoding", "positional_encoding", "--positional-encoding"),
    ],
)
def test_the_code_that_a_folder_names_does_not_run(nets, tmp_path, field, option, flag):
    run, ran = Run(tmp_path / "run", Task("addition"), "abc", "data", TrainConfig()), tmp_path / "ran"
    nets.write_text(f"open({str(ran)!r}, 'w')\n{NETS}", encoding="utf-8")
    model = ModelConfig(**{"name": "causal", "input_format": "reversed", field: f"{nets}:writer"})
    dataclasses.replace(run, config=TrainConfig(model=model)).write_config()
    checkpoints.save(run.best, {}, {})
    done = run_here("predict", run.folder, "1+2", main=main)
    assert done.returncode == 2
    assert done.stderr == (
        f"arith-model: this run's {option} is the code {nets}:writer, which runs only if you name it; if you trust it, "
        f"add: {flag} {nets}:writer\n"
    )
    assert not ran.exists()
    named = run_here("predict", run.folder, "1+2", flag, f"{nets}:writer", main=main)
    assert named.returncode == 2 and "runs only if you name it" not in named.stderr
    assert ran.exists()


@pytest.fixture
def none_allowed():
    """No test has named any code yet."""
    with emptied(process.current().plugins):
        yield


def test_the_code_of_a_run_may_have_moved(nets, tmp_path, none_allowed):
    plugins.allow(there := f"{nets}:writer", f"{tmp_path}/gone.py:writer")
    trained = TrainConfig(model=ModelConfig(name=there)).to_json()
    moved = f"{nets.rename(tmp_path / 'moved.py')}:writer"
    assert TrainConfig.from_json(trained).model.name == there
    plugins.allow(moved)
    assert TrainConfig.from_json(trained).model.name == moved
    (tmp_path / "moved.py").write_text("writer = other = print")
    assert TrainConfig.from_json(trained).model.name == there


@pytest.mark.models
@pytest.mark.parametrize("function", ["gone", "crooked", "changing", "failing", "stepping", "seeing", "half"])
def test_a_fault_is_one_sentence(nets, function, input_error):
    plugins.allow(name := f"{nets}:{function}")
    with input_error(InputError):
        input_format, config = make_input_format("plain", Task("addition", size=2)), ModelConfig(name=name, hidden=16)
        try_out(config, input_format, outline(config, input_format))


@pytest.mark.models
def test_layers_without_names_have_the_same_ones_whatever_was_built_before(nets):
    plugins.allow(name := f"{nets}:writer")
    config, input_format = (
        TrainConfig(model=ModelConfig(name=name, input_format="plain", hidden=8)),
        make_input_format("plain", Task("addition")),
    )
    first, later = (
        learner.Learner(config=config, input_format=input_format, strategy=devices.make_strategy(), total_steps=1)
        for _ in range(2)
    )
    assert checkpoints.keys(first.variables) == checkpoints.keys(later.variables)
    assert "embedding_1/embeddings" in checkpoints.keys(outline(config.model, input_format))


def test_a_file_that_cannot_be_imported(nets):
    nets.write_text("def f(:\n", encoding="utf-8")
    plugins.allow(name := f"{nets}:f")
    with pytest.raises(InputError, match=r"nets\.py, line 1: SyntaxError: invalid syntax$"):
        _ = Plugin.resolve(plugins.MODEL, name).code


INPUT_FORMATS = '''"""Input formats of my own."""
import tensorflow as tf
from seq2seq_arith.trainer.data.input_formats import InputFormat


class Crooked(InputFormat):
    def __init__(self, name, task):
        super().__init__(name, task)
        self.answer_steps += 1


class Forgetful(InputFormat):
    def encode_question(self, strings):
        return tf.zeros_like(self._to_ids(strings))


class Unrelated:
    pass


class Failing(InputFormat):
    def encode_answer(self, strings):
        return strings[self.task.nothing]

'''


@pytest.fixture
def input_formats(tmp_path):
    path = tmp_path / "input_formats.py"
    path.write_text(INPUT_FORMATS, encoding="utf-8")
    return path


INPUT_FORMAT_FAULTS = {
    "Gone": "/input_formats.py has no class 'Gone'; it has Crooked, Forgetful, Unrelated, Failing",
    "Crooked": "/input_formats.py, line 6: the input format Crooked encodes 256 answers in the shape "
    "(256, 3); its attributes say (256, 4)",
    "Forgetful": "line 12: the input format Forgetful does not decode to what it encodes: the question '",
    "Failing": "/input_formats.py:Failing' cannot be used: ",
    "Unrelated": "/input_formats.py, line 17: Unrelated does not derive from "
    "seq2seq_arith.trainer.data.input_formats.InputFormat",
}


@pytest.mark.parametrize("name", INPUT_FORMAT_FAULTS)
def test_a_fault_of_an_input_format_is_one_sentence(input_formats, name):
    plugins.allow(own := f"{input_formats}:{name}")
    with pytest.raises(InputError) as caught:
        make_input_format(own, Task("addition", size=2))
    assert INPUT_FORMAT_FAULTS[name] in str(caught.value)
