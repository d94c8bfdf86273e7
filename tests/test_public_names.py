"""The names that ``import seq2seq_arith`` offers, and that they cost nothing until they are used."""

import json

from programs import python

import seq2seq_arith

HEAVY = {"apache_beam", "keras", "matplotlib", "pyarrow", "tensorflow", "tensorflow_datasets"}
# In turn, in one process: what is imported, and what it must not bring.
IMPORTS = {
    "import seq2seq_arith": HEAVY | {"numpy"},
    "from seq2seq_arith import InputError, RunError, Task": HEAVY,
    "from seq2seq_arith import ModelConfig, OPERATIONS, TrainConfig, recipe, recipe_data": HEAVY,
    "from seq2seq_arith import Playground, Suite, compare, generate, load, open_run, playground, suite, train": HEAVY,
    "from seq2seq_arith import Dataset, Picture, TrainedRun, plot_history, pretrained": HEAVY,
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
