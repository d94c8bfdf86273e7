"""Whatever cannot be done raises an error of ours in one sentence: a table of wrong calls."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import seq2seq_arith as sa
from seq2seq_arith.base.errors import InputError

# What is called, and with what. ``here`` is an empty folder.
WRONG = {
    "sa.generate": [
        *("None", "3", "'additoin'", "'addition-x6'", "'addition', digits=2.5", "'addition', digits='3'"),
        *("'addition', digits=0", "'addition', digit=3", "'addition', dashes=3", "'pq', dashes=3, digits=3"),
        *("'addition-d6-n1000000', seed=1", "'addition', task_file=3"),
    ],
    "sa.load": [
        *("None", "data.task", "['addition']", "'addition', data_dir='nowhere'", "here", "'nowhere/addition'"),
        "data.path, digits=3",
    ],
    "data.table": ["3", "None", "['train']"],
    "data.arrays": ["'test'"],
    "data.show": ["'3'", "-1", "2.5", "None", "1, 3"],
    "data.one_hot": [
        *("None", "39", "[39]", "'39*3'", "'1234+3'", "np.array([99])", "np.array([-1])", "np.array([1.5])")
    ],
    "data.decode": ["[[99]]", "np.array([[-1, 3]])", "'39'", "np.zeros((4, 13))", "np.zeros((1, 2, 3, 12))"],
    "data.score": ["[42] * 100", "42", "None", "['1', '2']", "'1', split='test'"],
    "data.plot_one_hot": ["3", "'3*9'"],
    "sa.suite": [
        "3",
        "'additoin'",
        *(f"'addition', {argument}" for argument in ("per_slice='3'", "per_slice=0", "set=3")),
    ],
    "sa.suite('addition', per_slice=1).__getitem__": ["'equla'"],
    "sa.suite('addition', per_slice=1).score": ["3"],
    "sa.train": [
        *("None", "3", "'additoin'", "data, lr=0.1", "data, hiden=3", "data, name='gru'", "data, digits=3"),
        *("data, epochs='3'", "data, hidden=2.5", "data, callbacks=3", "data, callbacks=[print]", "data, verbose=3"),
        *("data, verbose=None", "data, recipe=3", "data, run_dir='hdfs://bucket/run'"),
        "data, schedule='cosine', callbacks=keras.callbacks.LearningRateScheduler(abs)",
    ],
    "sa.open_run": ["3", "None", "here"],
    "sa.TrainedRun": ["'runs/a'"],
    "sa.TrainConfig": ["model='lstm'"],
    "sa.ModelConfig": ["hidden='8'", "name='LTSM'", "name='nets.py'"],
    "sa.recipe": ["3, 'addition'", "'bset', 'addition'"],
    "sa.compare": ["'x'", "[run, run]", "sa.TrainedRun(untrained)"],
    "sa.playground": ["3", "run, run, question=5", "run, height='1'"],
    "sa.plot_history": ["[run]", ""],
    "run.predict": ["None", "39+3", "[3]", "[(39, 3)]", "[b'39+3']", "b'39+3'", "['39*3']"],
    "run.ask": ["{1: 2}"],
    "run.inspect": ["3", "'39*3'", "'39+3', average=0"],
    "run.ablate": ["'encodr'", "3", "by='half'", "per_slice=0"],
    "run.patch": ["'1+2', 3", "'1+2', '1+3', 'nothing'"],
    "run.probe": ["'cary'", "'borrow'", "'carry', 3", "'carry', questions=5"],
    "run.fourier": [""],
    "run.plot_attention": ["'39+3'"],
    "run.plot_states": ["'1+2', units='2'"],
    "run.error_map": ["2.5", "'3'", "0"],
    "run.breakdown": ["3", "'colour'"],
    "run.mistakes": ["'3'"],
    "run.evaluate": ["lengths='x'", "lengths=[2.5]", "lengths=4.5", "seed=None"],
    "run.export": ["here"],
    "run.resume": ["epochs='9'", "epochs=1", "epochs=9, callbacks=[print]"],
}


@pytest.mark.parametrize("call", [f"{name}({given})" for name, calls in WRONG.items() for given in calls])
@pytest.mark.usefixtures("no_custom_tasks")
def test_a_wrong_call_is_refused_in_one_sentence(call, data, small, input_error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"data": data, "run": small, "here": tmp_path, "untrained": dataclasses.replace(small.run, folder=tmp_path)}
    with input_error(InputError):
        eval(call, names | {"sa": sa, "np": np, "keras": keras})
    assert list(tmp_path.iterdir()) == []


ASKED = ["1+2", "30+4"]
STRINGS = {
    "tuple": tuple,
    "generator": iter,
    "array": np.array,
    "objects": lambda questions: np.array(questions, object),
    "NumPy strings": lambda questions: [np.str_(question) for question in questions],
    "Arrow": pa.array,
    "column": lambda questions: pa.table({"question": questions})["question"],
    "Series": pd.Series,
}


@pytest.mark.parametrize("kind", STRINGS)
def test_strings_come_in_any_kind(kind, data, small):
    given = STRINGS[kind]
    assert small.predict(given(ASKED)) == small.predict(ASKED)
    assert np.array_equal(data.one_hot(given(ASKED)), data.one_hot(ASKED))
    answers = data.table("validation")["answer"].to_pylist()
    assert data.score(given(answers))[0]["exact_match"] == 1
