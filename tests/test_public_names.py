"""The names that ``import seq2seq_arith`` offers, and that they cost nothing until they are used."""

import json
from pathlib import Path

import stored
from programs import python

import seq2seq_arith
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.formats.layout import Layout

HEAVY = {"apache_beam", "keras", "matplotlib", "pyarrow", "tensorflow", "tensorflow_datasets"}
# In turn, in one process: what is imported, and what it must not bring.
IMPORTS = {
    "import seq2seq_arith": HEAVY | {"numpy"},
    "from seq2seq_arith import InputError, RunError, Task": HEAVY,
    "from seq2seq_arith import ModelConfig, OPERATIONS, TrainConfig, recipe, recipe_data": HEAVY,
    "from seq2seq_arith import Playground, Suite, compare, generate, load, open_run, playground, suite, train": HEAVY,
    "from seq2seq_arith import Dataset, Picture, TrainedRun, plot_history, pretrained, pretrained_names": HEAVY,
    "from seq2seq_arith import ArithConfig": {"tensorflow", "keras", "matplotlib"},
}


def test_the_public_names_are_these():
    named = {name for line in IMPORTS for name in line.partition(" import ")[2].split(", ") if name}
    assert set(seq2seq_arith.__all__) == {*named, "__version__"}
    assert set(dir(seq2seq_arith)) == {*named, "__version__"}  # and no helper is completed
    assert {name for name in named if getattr(seq2seq_arith, name, None) is None} == set()
    assert not hasattr(seq2seq_arith, "nothing")


def test_an_import_brings_only_what_it_needs():
    program = "import json, sys, time\nstart = time.process_time()\n"
    program += "".join(f"{line}\nprint(json.dumps([time.process_time() - start, *sys.modules]))\n" for line in IMPORTS)
    loaded = [json.loads(line) for line in python(program).splitlines()]
    assert [set(names) & absent for names, absent in zip(loaded, IMPORTS.values(), strict=True)] == [set()] * len(
        loaded
    )
    assert loaded[0][0] < 0.3  # seconds of processor time


# What reads data, writes suites and scores answers, where neither Beam nor TensorFlow can be imported.
READERS = """
import json, sys

class Without:
    # The finders of Python, which do not find these packages.

    def __init__(self, finders):
        self.finders = finders

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("apache_beam", "tensorflow", "keras"):
            return None
        return next(filter(None, (finder.find_spec(name, path, target) for finder in self.finders)), None)

sys.meta_path[:] = [Without(sys.meta_path[:])]
import tensorflow_datasets as tfds
import seq2seq_arith as sa
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.__main__ import main as arith_model

folder, path = sys.argv[1:]
data = sa.load("addition-n200", data_dir=folder)
suite = sa.suite("addition", per_slice=5)
scores = suite.score(lambda question: sum(map(int, question.split("+"))))
source = tfds.data_source("seq2seq_arith/addition-n200", data_dir=folder)
codes = [arith_data(words) for words in (["show", path], ["verify", "--quick", path], ["suite", "pq", "--per-slice=1"])]
codes.append(arith_model(["runs", "pretrained:"]))
names = [getattr(sa, name) is not None for name in sa.__all__]
print(json.dumps([
    data["train"].num_rows, data.arrays()[0].shape, len(source["train"]),
    scores.exact_match, sa.recipe("best", "addition").epochs > 0, codes, all(names),
]))
"""


def test_reading_and_scoring_need_neither_beam_nor_tensorflow(tmp_path: Path):
    task = Task(num_examples=200)
    stored.make(task, Layout(2, ("tfrecord", "parquet", "array_record")), tmp_path)
    path = tmp_path / "seq2seq_arith" / task.config_name / "1.0.0"
    printed = python(READERS, tmp_path, path, cwd=tmp_path).splitlines()[-1]
    assert json.loads(printed) == [180, [180, 7], 180, 1.0, True, [0] * 4, True]
