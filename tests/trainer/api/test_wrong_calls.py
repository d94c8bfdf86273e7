"""Whatever cannot be done raises an error of ours in one sentence: a table of wrong calls."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import seq2seq_arith as sa
from seq2seq_arith.base.errors import InputError

WRONG = {
    "generate(None)": lambda data, run: sa.generate(None),
    "generate(3)": lambda data, run: sa.generate(3),
    "generate digits=2.5": lambda data, run: sa.generate("addition", digits=2.5),
    "generate digits='3'": lambda data, run: sa.generate("addition", digits="3"),
    "generate digit=3": lambda data, run: sa.generate("addition", digit=3),
    "generate task_file=3": lambda data, run: sa.generate("addition", task_file=3),
    "load(None)": lambda data, run: sa.load(None),
    "load(Task)": lambda data, run: sa.load(data.task),
    "load(['addition'])": lambda data, run: sa.load(["addition"]),
    "load of a missing folder": lambda data, run: sa.load("addition", data_dir="nowhere"),
    "table(3)": lambda data, run: data.table(3),
    "table(None)": lambda data, run: data.table(None),
    "table(['train'])": lambda data, run: data.table(["train"]),
    "arrays('test')": lambda data, run: data.arrays("test"),
    "show('3')": lambda data, run: data.show("3"),
    "show(2.5)": lambda data, run: data.show(2.5),
    "show(None)": lambda data, run: data.show(None),
    "show(1, 3)": lambda data, run: data.show(1, 3),
    "one_hot(None)": lambda data, run: data.one_hot(None),
    "one_hot(39)": lambda data, run: data.one_hot(39),
    "one_hot([39])": lambda data, run: data.one_hot([39]),
    "one_hot(too large ids)": lambda data, run: data.one_hot(np.array([99])),
    "one_hot(negative ids)": lambda data, run: data.one_hot(np.array([-1])),
    "one_hot(floats)": lambda data, run: data.one_hot(np.array([1.5])),
    "decode([[99]])": lambda data, run: data.decode([[99]]),
    "decode([[-1, 3]])": lambda data, run: data.decode(np.array([[-1, 3]])),
    "decode('39')": lambda data, run: data.decode("39"),
    "decode(None)": lambda data, run: data.decode(None),
    "decode(1.5)": lambda data, run: data.decode(1.5),
    "score([42])": lambda data, run: data.score([42] * data.task.num_validation),
    "score(42)": lambda data, run: data.score(42),
    "score(None)": lambda data, run: data.score(None),
    "score(one too few)": lambda data, run: data.score(["1"]),
    "plot_one_hot(3)": lambda data, run: data.plot_one_hot(3),
    "suite(3)": lambda data, run: sa.suite(3),
    "suite per_slice='3'": lambda data, run: sa.suite("addition", per_slice="3"),
    "suite set=3": lambda data, run: sa.suite("addition", set=3),
    "suite['equla']": lambda data, run: sa.suite("addition", per_slice=1)["equla"],
    "suite.score(3)": lambda data, run: sa.suite("addition", per_slice=1).score(3),
    "train(None)": lambda data, run: sa.train(None),
    "train(3)": lambda data, run: sa.train(3),
    "train lr": lambda data, run: sa.train(data, lr=0.1),
    "train epochs='3'": lambda data, run: sa.train(data, epochs="3"),
    "train hidden=2.5": lambda data, run: sa.train(data, hidden=2.5),
    "train callbacks=3": lambda data, run: sa.train(data, callbacks=3),
    "train callbacks=[print]": lambda data, run: sa.train(data, callbacks=[print]),
    "train verbose=3": lambda data, run: sa.train(data, verbose=3),
    "train recipe=3": lambda data, run: sa.train(data, recipe=3),
    "open_run(3)": lambda data, run: sa.open_run(3),
    "open_run(None)": lambda data, run: sa.open_run(None),
    "TrainedRun('runs/a')": lambda data, run: sa.TrainedRun("runs/a"),
    "TrainConfig model='lstm'": lambda data, run: sa.TrainConfig(model="lstm"),
    "ModelConfig hidden='8'": lambda data, run: sa.ModelConfig(hidden="8"),
    "recipe(3)": lambda data, run: sa.recipe(3, "addition"),
    "train verbose=None": lambda data, run: sa.train(data, verbose=None),
    "compare('x')": lambda data, run: sa.compare("x"),
    "compare([run])": lambda data, run: sa.compare([run]),
    "plot_history([run])": lambda data, run: sa.plot_history([run]),
    "predict(None)": lambda data, run: run.predict(None),
    "predict(3)": lambda data, run: run.predict(3),
    "predict([3])": lambda data, run: run.predict([3]),
    "predict([(39, 3)])": lambda data, run: run.predict([(39, 3)]),
    "predict([b'39+3'])": lambda data, run: run.predict([b"39+3"]),
    "predict(b'39+3')": lambda data, run: run.predict(b"39+3"),
    "ask({1: 2})": lambda data, run: run.ask({1: 2}),
    "inspect(3)": lambda data, run: run.inspect(3),
    "plot_states units='2'": lambda data, run: run.plot_states("1+2", units="2"),
    "plot_encoded(3)": lambda data, run: run.plot_encoded(3, [1]),
    "plot_encoded values": lambda data, run: run.plot_encoded(["1+1", "1+2", "1+3"], ["a", "b", "c"]),
    "error_map(2.5)": lambda data, run: run.error_map(2.5),
    "error_map('3')": lambda data, run: run.error_map("3"),
    "breakdown(3)": lambda data, run: run.breakdown(3),
    "mistakes('3')": lambda data, run: run.mistakes("3"),
    "evaluate lengths=x": lambda data, run: run.evaluate(lengths="x"),
    "evaluate lengths=[2.5]": lambda data, run: run.evaluate(lengths=[2.5]),
    "evaluate seed=None": lambda data, run: run.evaluate(seed=None),
    "search lengths=[None]": lambda data, run: run.search(lengths=[None]),
    "search seconds='1'": lambda data, run: run.search(seconds="1"),
    "report lengths=4.5": lambda data, run: run.report("page.html", lengths=4.5),
    "report(3)": lambda data, run: run.report(3),
    "resume epochs='9'": lambda data, run: run.resume(epochs="9"),
    "resume callbacks=[print]": lambda data, run: run.resume(epochs=9, callbacks=[print]),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_call_is_refused_in_one_sentence(call, data, small, refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refusal(InputError):
        WRONG[call](data, small)
    assert list(tmp_path.iterdir()) == []


ASKED = ["1+2", "30+4"]
STRINGS = {
    "tuple": tuple,
    "generator": iter,
    "array": np.array,
    "objects": lambda asked: np.array(asked, object),
    "NumPy strings": lambda asked: [np.str_(each) for each in asked],
    "Arrow": pa.array,
    "column": lambda asked: pa.table({"question": asked})["question"],
    "Series": pd.Series,
}


@pytest.mark.parametrize("kind", STRINGS)
def test_strings_come_in_any_kind(kind, data, small):
    given = STRINGS[kind]
    assert small.predict(given(ASKED)) == small.predict(ASKED)
    assert np.array_equal(data.one_hot(given(ASKED)), data.one_hot(ASKED))
    answers = data.table("validation")["answer"].to_pylist()
    assert data.score(given(answers))[0]["exact_match"] == 1
