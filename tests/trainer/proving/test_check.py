"""The independent check of proofs: yes to every shipped one, and no to whatever was edited or made to deceive it."""

import hashlib
import io
import itertools
import json
import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adversaries
import handmade
import numpy as np
import pytest
from adversaries import ADVERSARIES, WIDE, WIDE_ADVERSARIES, Arrays
from layout import ROOT, SMALL_ADDER

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.proving import boxes, tables, windowed
from seq2seq_arith.trainer.proving.questions import question_states
from seq2seq_arith.trainer.proving.tables import LatchTagger, SmallAdder
from seq2seq_arith.trainer.proving.windowed import WindowedTransformer
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs.proofs import PROVER

CHECK = ROOT / "trainer/proving/check"
# A trained network: benchmarks/windowed_transformer.toml, seed 602.
TRANSFORMER = ROOT / "tests/support/windowed_transformer.npz"
SHIPPED = sorted(path.parent for path in ROOT.glob("trainer/*/*/proof.json") if json.loads(path.read_text())["proved"])
(ADDER,) = (folder for folder in SHIPPED if folder.name == "addition")

# Those with spare units take some CPU seconds each; the two that a former prover did not see run always.
OFTEN = (adversaries.underflowing_gate, adversaries.overflowing_gate, *ADVERSARIES)
CASES = [
    pytest.param(edit, wide, marks=() if edit in OFTEN else pytest.mark.slow, id=edit.__name__)
    for edits, wide in ((WIDE_ADVERSARIES, True), (ADVERSARIES, False))
    for edit in edits
]


@pytest.fixture(scope="module")
def check() -> dict[str, Any]:
    """The names of the program, in this process."""
    return runpy.run_path(str(CHECK))


@pytest.fixture
def adder(tmp_path: Path) -> Path:
    """A copy of the shipped adder."""
    return Path(shutil.copytree(ADDER, tmp_path / "run"))


def refused(check: dict[str, Any], folder: Path) -> str:
    """The reason why a run is refused; fails if it is not."""
    with pytest.raises(check["Refused"]) as caught:
        check["verdict"](folder)
    return str(caught.value)


def rewritten(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edits a JSON file, without its own checksum."""
    values = json.loads(path.read_text())
    values.pop("sha256", None)
    edit(values)
    path.write_text(json.dumps(values))


def bind(folder: Path, **changes: Any) -> None:
    """Gives the proof of a run the checksums of its files, as a prover that is deceived would."""
    config = json.loads((folder / "config.json").read_text())
    train = config["train"]
    parts = {"task": config["data"]["parameters"], "model": train["model"], "precision": train["precision"]}
    sums = {
        "config_sha256": hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        "weights_sha256": hashlib.sha256((folder / "best.npz").read_bytes()).hexdigest(),
        "certificate_sha256": hashlib.sha256((folder / "certificate.npz").read_bytes()).hexdigest(),
    }
    rewritten(folder / "proof.json", lambda proof: proof.update(sums | changes))


def arrays_of(path: Path) -> Arrays:
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_shipped_proof_is_accepted_by_the_program_alone(folder):
    """In an isolated Python, which does not find this package; in CPU seconds, it takes one or two for addition."""
    done = subprocess.run([sys.executable, "-I", CHECK, folder], capture_output=True, text=True, cwd="/", check=False)
    proof = json.loads((folder / "proof.json").read_text())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"yes: every question of {proof['task']}, of any length, is answered right (")
    assert f"({proof['cases']:,} cases; the least margin is {proof['margin']:.4g}"[:-3] in done.stdout


def test_a_refusal_is_one_sentence_and_exit_code_1(adder):
    (adder / "certificate.npz").unlink()
    done = subprocess.run([sys.executable, "-I", CHECK, adder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "no: certificate.npz cannot be read (No such file or directory)\n"


@pytest.mark.parametrize(("edit", "wide"), CASES)
def test_no_adversary_is_accepted(adder, check, monkeypatch, edit, wide):
    """Not even with the certificate of a prover that believes that float32 is exact."""
    arrays = arrays_of(adder / "best.npz")
    state = arrays.pop("state")
    arrays = edit(arrays)
    np.savez(adder / "best.npz", **arrays, state=state)
    if wide:
        rewritten(adder / "config.json", lambda config: config["train"]["model"].update(hidden=WIDE))
        monkeypatch.setattr(tables.Dense, "error", lambda self, most, error=0.0: np.zeros(len(self.bias)))
        task = Task("addition", size=5)
        questions, states = question_states(task)
        certificate = LatchTagger(arrays, task.alphabet).cases(questions).certificate
        np.savez(adder / "certificate.npz", **certificate, questions=states)
    bind(adder)
    refused(check, adder)


@pytest.mark.slow
@pytest.mark.parametrize(("edit", "wide"), [(adversaries.scaled, False), (adversaries.spare_and_unread, True)])
def test_what_is_unusual_and_right_is_accepted(adder, check, edit, wide):
    arrays = arrays_of(adder / "best.npz")
    state = arrays.pop("state")
    arrays = edit(arrays)
    np.savez(adder / "best.npz", **arrays, state=state)
    if wide:
        rewritten(adder / "config.json", lambda config: config["train"]["model"].update(hidden=WIDE))
        task = Task("addition", size=5)
        questions, states = question_states(task)
        certificate = LatchTagger(arrays, task.alphabet).cases(questions).certificate
        np.savez(adder / "certificate.npz", **certificate, questions=states)
    bind(adder)
    assert check["verdict"](adder).startswith("every question of addition")


def without(name: str, rows: slice) -> Callable[[Arrays], Arrays]:
    """A certificate without some rows of an array."""
    return lambda arrays: arrays | {name: np.delete(arrays[name], rows, axis=0)}


def with_value(name: str, place: tuple[int, int], change: int) -> Callable[[Arrays], Arrays]:
    """A certificate with another number."""

    def edit(arrays: Arrays) -> Arrays:
        array = arrays[name].copy()
        array[place] += change
        return arrays | {name: array}

    return edit


CERTIFICATES = {
    "no states": without("states_0", slice(None)),
    "no first state": without("states_0", slice(0, 1)),
    "no last state": without("states_0", slice(-1, None)),
    "no state in the middle": without("states_0", slice(100, 101)),
    "no values of latches": without("latches_0", slice(5, 6)),
    "no state of the questions": without("questions", slice(3, 4)),
    "another successor": with_value("states_0", (50, 2), 1),
    "another state of the question": with_value("states_0", (50, 0), 1),
    "a state that is not there": with_value("states_0", (50, 0), 10**6),
    "a negative state": with_value("states_0", (0, 0), -1),
    "another value of a latch": with_value("latches_0", (7, 0), 1),
    "a latch at 2": with_value("latches_0", (7, 0), 3),
    "a state twice": lambda arrays: arrays | {"states_0": np.repeat(arrays["states_0"], 2, axis=0)},
    "numbers that are not whole": lambda arrays: arrays | {"states_0": arrays["states_0"].astype(np.float64)},
    "a further array": lambda arrays: arrays | {"states_1": arrays["states_0"]},
    "too few columns": lambda arrays: arrays | {"states_0": arrays["states_0"][:, :2]},
}


@pytest.mark.parametrize("edit", CERTIFICATES.values(), ids=CERTIFICATES)
def test_an_edited_certificate_is_refused(adder, check, edit):
    np.savez(adder / "certificate.npz", **edit(arrays_of(adder / "certificate.npz")))
    assert refused(check, adder) == "certificate.npz is not the certificate of the proof"
    bind(adder)
    try:
        assert "certificate" in refused(check, adder)
    except IndexError:  # the program answers no to any error
        assert edit is CERTIFICATES["no states"]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda proof: proof.update(proved=False), "does not state"),
        (lambda proof: proof.update(prover=PROVER - 1), "is not one of version"),
        (lambda proof: proof.update(task="subtraction"), "about another task"),
        (lambda proof: proof.update(weights_sha256="0" * 64), "best.npz has other weights"),
        (lambda proof: proof.update(config_sha256="0" * 64), "is not the configuration"),
        (lambda proof: proof.update(certificate_sha256=None), "has no certificate"),
    ],
)
def test_another_proof_is_refused(adder, check, edit, reason):
    rewritten(adder / "proof.json", edit)
    assert reason in refused(check, adder)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda config: config["train"].update(precision="mixed_bfloat16"), "does not compute in float32"),
        (lambda config: config["train"]["model"].update(code_sha256="0" * 64), "is custom code"),
        (lambda config: config["train"]["model"].update(input_format_sha256="0" * 64), "is custom code"),
        (lambda config: config["train"]["model"].update(input_format="plain"), "is not described"),
        (lambda config: config["train"]["model"].update(name="gru"), "there is no check for the model gru"),
        (lambda config: config["train"]["model"].update(name="small_adder.py:small_adder"), "is not the file of the"),
        (lambda config: config["train"]["model"].update(layers=2), "does not have exactly the arrays"),
        (lambda config: config["data"]["parameters"].update(code_sha256="0" * 64), "custom task"),
    ],
)
def test_another_configuration_is_refused(adder, check, edit, reason):
    rewritten(adder / "config.json", edit)
    bind(adder)
    assert reason in refused(check, adder)


def test_a_checkpoint_with_a_member_twice_is_refused(adder, check):
    """Readers differ in which of the two they take."""
    content = io.BytesIO((adder / "best.npz").read_bytes())
    with zipfile.ZipFile(content) as archive:
        member = archive.read("logits/bias.npy")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(content, "a") as archive:
        archive.writestr("logits/bias.npy", member)
    (adder / "best.npz").write_bytes(content.getvalue())
    bind(adder)
    assert refused(check, adder) == "best.npz has a member twice"


@pytest.mark.parametrize("task", ["addition", "subtraction"])
def test_its_rules_are_those_of_python(check, task):
    """Every question of two numbers below 120 has exactly one path, which writes the result of Python."""
    rules = sys.modules["rules"]
    rows, initial, final = rules.transitions(task)
    ways: dict[tuple[Any, str, str], list[tuple[Any, str]]] = {}
    for source, target, symbol, written in rows:
        ways.setdefault((source, *rules.SYMBOLS[symbol]), []).append((target, written))
    numbers = [*range(25), *range(88, 120)]
    for left in numbers:
        for right in numbers:
            value = str(left + right if task == "addition" else left - right)
            width = max(len(str(left)), len(str(right))) + 2
            paths = [(state, "") for state in initial]
            for column in zip(str(left)[::-1].ljust(width), str(right)[::-1].ljust(width), strict=True):
                paths = [
                    (target, written + text)
                    for state, text in paths
                    for target, written in ways.get((state, *column), ())
                ]
            assert [text.strip() for state, text in paths if state in final] == [value]


def test_it_describes_the_networks_of_the_package(check):
    """Its alphabets, the file of the small adder, and the names of the models are theirs; it imports none of them."""
    reading, rules = sys.modules["reading"], sys.modules["rules"]
    assert reading.PROVER == PROVER
    file = Path(SMALL_ADDER.partition(":")[0])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == reading.SMALL_ADDER_SHA256
    assert {name: Task(name).alphabet for name in rules.ALPHABETS} == rules.ALPHABETS
    assert set(check["NETWORKS"]) - {"small_adder"} <= set(MODELS)
    for file in CHECK.glob("*.py"):
        assert "seq2seq" not in file.read_text()


def handmade_run(folder: Path, arrays: Arrays, certificate: Arrays, task: Task, **model: Any) -> Path:
    """A run with weights that were made by hand, and a proof of it."""
    folder.mkdir()
    np.savez(folder / "best.npz", **arrays, state=np.zeros(0, np.uint8))
    np.savez(folder / "certificate.npz", **certificate)
    train = {"model": model, "precision": "float32"}
    (folder / "config.json").write_text(json.dumps({"data": {"parameters": task.parameters()}, "train": train}))
    (folder / "proof.json").write_text(json.dumps({"proved": True, "prover": PROVER, "task": task.name}))
    bind(folder)
    return folder


def small_adder_run(folder: Path, arrays: Arrays, edit: Callable[[Arrays], Arrays] = lambda arrays: arrays) -> Path:
    task = Task("addition", size=5)
    questions, states = question_states(task)
    certificate = SmallAdder(handmade.small_adder(), task.alphabet).cases(questions).certificate | {"questions": states}
    sha256 = hashlib.sha256(Path(SMALL_ADDER.partition(":")[0]).read_bytes()).hexdigest()
    model = {"name": SMALL_ADDER, "code_sha256": sha256, "input_format": "aligned", "options": handmade.ADDER_SIZES}
    return handmade_run(folder, arrays, edit(certificate), task, **model)


def test_a_small_adder_is_accepted(tmp_path, check):
    assert "every question of addition, of any length" in check["verdict"](
        small_adder_run(tmp_path / "run", handmade.small_adder())
    )


ADDERS = {
    "a bias of 1e38": ("digit/bias", (0,), 1e38),
    "a column that overflows": ("vector/kernel", (3, 0), 3e38),
    "another digit": ("vector/kernel", (3, 0), 1.0),
    "a start that has a carry": ("vector/kernel", (12, 0), -20.0),
    "a carry that rounding decides": ("carry/bias", (0,), 5.0),
    "a logit that is a tie": ("logits/bias", (1,), 200.0),
}


@pytest.mark.parametrize(("name", "place", "change"), ADDERS.values(), ids=ADDERS)
def test_an_edited_small_adder_is_refused(tmp_path, check, name, place, change):
    arrays = handmade.small_adder()
    arrays[name][place] += np.float32(change)
    if name == "carry/bias":
        arrays["carry/kernel"] /= 1e6
        arrays["carry/bias"] /= 1e6
    refused(check, small_adder_run(tmp_path / "run", arrays))


@pytest.mark.parametrize("rows", [slice(0, 1), slice(1, 2), slice(-1, None)], ids=["start", "second", "last"])
def test_an_edited_certificate_of_a_small_adder_is_refused(tmp_path, check, rows):
    run = small_adder_run(tmp_path / "run", handmade.small_adder(), without("states", rows))
    assert "missing in the certificate" in refused(check, run)


def counter_run(folder: Path, arrays: Arrays) -> Path:
    task = Task("pq", size=20)
    model = {"name": "counter", "input_format": "plain", "hidden": 2, "layers": 1}
    folder = handmade_run(folder, arrays, {}, task, **model)
    rewritten(folder / "proof.json", lambda proof: proof.update(certificate_sha256=None))
    return folder


def test_a_counter_is_accepted(tmp_path, check):
    verdict = check["verdict"](counter_run(tmp_path / "run", handmade.counter()))
    assert verdict.startswith("every question of pq, of up to 20 dashes, is answered right (1,599 cases; ")


COUNTERS = {
    "a gate that is not open": ("encoder/kernel", (1, 0), -0.98),
    "a number that is not whole": ("decoder/kernel", (1, 2), 0.951),
    "a gate of 3e38": ("encoder/kernel", (1, 0), 3e38),
    "a readout that overflows": ("readout_0/kernel", (0, 0), 3e38),
    "a logit that is never right": ("logits/bias", (2,), 300.0),
    "a sum that is one off": ("readout_0/bias", (0,), 1.0),
}


@pytest.mark.parametrize(("name", "place", "change"), COUNTERS.values(), ids=COUNTERS)
def test_an_edited_counter_is_refused(tmp_path, check, name, place, change):
    arrays = handmade.counter()
    arrays[name][place] += np.float32(change)
    refused(check, counter_run(tmp_path / "run", arrays))


def test_a_gate_that_fused_sums_may_open_is_refused(tmp_path, check):
    """20 * x + 1/2 is so near to 0 that rounding decides whether a blank is counted, which a large weight reveals."""
    arrays = handmade.counter()
    arrays["encoder/bias"][0] = -0.025
    arrays["encoder/kernel"][1, 0] = 1
    assert check["verdict"](counter_run(tmp_path / "small", arrays))
    arrays["readout_0/kernel"][0, 0] = 1e6
    assert "rounding may decide" in refused(check, counter_run(tmp_path / "large", arrays))


TRANSFORMER_MODEL = {
    "name": "causal",
    "input_format": "reversed_eos",
    "hidden": 64,
    "layers": 1,
    "heads": 4,
    "positional_encoding": "coupled_relative_bias",
    "attention_window": 2,
}
ALPHABET = f"{Task('addition').alphabet}$"  # the last character is the EOS token


@pytest.fixture(scope="module")
def windows() -> list[windowed.Windows]:
    """All cases of a transformer as the prover enumerates them, in a second."""
    questions, _ = question_states(Task("addition"))
    return list(windowed.all_windows(questions, ALPHABET))


@pytest.fixture(scope="module")
def some_cases(check: dict[str, Any]) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """A 500th of the cases of a transformer."""
    blocks = itertools.islice(sys.modules["windowed"].cases(), 0, 40, 4)
    return [(before, last, pairs[::50], right[::50]) for before, last, pairs, right in blocks]


GRU_MODEL = {"name": "gru_tagger", "input_format": "aligned", "hidden": 1, "layers": 1}


def gru_run(folder: Path, edit: Callable[[Arrays], Arrays], edit_certificate: Callable[[Arrays], Arrays]) -> Path:
    """A GRU that was made by hand, with edited weights and boxes."""
    task = Task("addition", size=5)
    questions, states = question_states(task)
    network = boxes.GatedUnits(handmade.gru(), task.alphabet)
    certificate = network.boxes(*boxes.by_column(questions)).certificate() | {"questions": states}
    return handmade_run(folder, edit(handmade.gru()), edit_certificate(certificate), task, **GRU_MODEL)


def unchanged(arrays: Arrays) -> Arrays:
    return arrays


def test_boxes_of_a_gru_are_accepted(tmp_path, check):
    verdict = check["verdict"](gru_run(tmp_path / "run", unchanged, unchanged))
    assert verdict.startswith("every question of addition, of any length, is answered right (15,709 cases; the least ")
    assert "margin is 8," in verdict


@pytest.mark.parametrize(("option", "reason"), [("hidden", "has the shape"), ("layers", "exactly the arrays")])
def test_each_size_of_a_gru_that_can_be_trained_can_be_checked(tmp_path, check, option, reason):
    largest = parameters_of(ModelConfig)[option].about.high
    run = gru_run(tmp_path / "run", unchanged, unchanged)
    for size, sentence in ((largest, reason), (largest + 1, "out of range")):
        rewritten(run / "config.json", lambda content, size=size: content["train"]["model"].update({option: size}))
        bind(run)
        assert sentence in refused(check, run)


def set_weight(name: str, value: float, place: tuple[int, ...]) -> Callable[[Arrays], Arrays]:
    def edit(arrays: Arrays) -> Arrays:
        changed = arrays[name].copy()
        changed[place] = value
        return arrays | {name: changed}

    return edit


def only_held(arrays: Arrays) -> Arrays:
    """At a sum of 9, z is 1: without rounding, the same answers."""
    gates = arrays["gates/table"].copy()
    gates[gates[:, 2] == -2, 1] = 60
    return arrays | {"gates/table": gates}


GRUS = {
    "not finite": (set_weight("pairs/table", np.nan, (0, 0)), "is not finite"),
    "a gate that overflows": (set_weight("gates/table", 1e38, (30, 2)), "too large for float32"),
    "a product that overflows": (set_weight("recurrence/cell/kernel", 3e38, (0, 2)), "too large for float32"),
    "a logit that overflows": (set_weight("logits/kernel", 1e38, (3, 3)), "too large for float32"),
    "a carry that fades": (set_weight("recurrence/cell/kernel", 1.5, (0, 2)), "is not mapped into"),
    "a carry that turns round": (set_weight("recurrence/cell/kernel", -4.0, (0, 2)), "is not mapped into"),
    "a held state that may drift": (only_held, "is not mapped into"),
    "a gate that is half open": (set_weight("recurrence/cell/bias", 0.0, (1,)), "is not mapped into"),
    "a wrong logit": (set_weight("logits/bias", 9.0, (5,)), "a case is wrong"),
    "another size": (lambda arrays: arrays | {"dense_0/bias": np.zeros(49, np.float32)}, "has the shape"),
    "another layer": (lambda arrays: arrays | {"dense_1/bias": np.zeros(48, np.float32)}, "exactly the arrays"),
}


@pytest.mark.parametrize(("edit", "reason"), GRUS.values(), ids=GRUS)
def test_an_edited_gru_is_refused(tmp_path, check, edit, reason):
    with np.errstate(all="ignore"):
        assert reason in refused(check, gru_run(tmp_path / "run", edit, unchanged))


def moved_box(number: int, by: float) -> Callable[[Arrays], Arrays]:
    """A certificate in which one box is moved."""
    return lambda arrays: (
        arrays
        | {name: arrays[name] + by * (np.arange(len(arrays[name])) == number)[:, None] for name in ("lower", "upper")}
    )


BOXES = {
    "a box moved": (moved_box(40, 0.05), "is not mapped into"),
    "a box outside of the range": (moved_box(40, 2.2), "is too large"),
    "the first box moved": (moved_box(0, 0.05), "the first state is in no box"),
    "not a number": (set_weight("lower", np.nan, (5, 0)), "is not an interval"),
    "an empty box": (set_weight("upper", -1.03, (5, 0)), "is not an interval"),
    "a box for all": (lambda arrays: arrays | {"lower": arrays["lower"] * 0 - 1, "upper": arrays["upper"] * 0 + 1},
                      "is not mapped into"),
    "no step": (without("steps", slice(None)), "has no steps"),
    "a step less": (without("steps", slice(7, 8)), "a step is missing"),
    "a step to another state": (with_value("steps", (9, 2), 60), "step"),
    "a step that does not exist": (with_value("steps", (9, 1), 121), "does not exist"),
    "a box that does not exist": (with_value("steps", (9, 2), 1000), "does not exist"),
    "another origin": (with_value("origin", (3, 0), 1), "step"),
    "no state of a question": (with_value("origin", (3, 0), 99), "belongs to no state"),
    "a box less": (without("lower", slice(2, 3)), "one state and two ends"),
    "a state of the questions less": (without("questions", slice(0, 1)), "lacks a state"),
    "ends as integers": (lambda arrays: arrays | {"lower": arrays["lower"].astype(np.int64)}, "of real numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "reason"), BOXES.values(), ids=BOXES)
def test_edited_boxes_are_refused(tmp_path, check, edit, reason):
    with np.errstate(all="ignore"):
        assert reason in refused(check, gru_run(tmp_path / "run", unchanged, edit))


@pytest.mark.parametrize(("factor", "expected"), [(2.01, True), (1.99, False)])
def test_the_margin_of_a_gru_must_exceed_twice_its_bound(tmp_path, check, factor, expected):
    """The logit of 2 is raised, until the least margin is just above or just below."""
    task = Task("addition", size=5)
    network = boxes.GatedUnits(handmade.gru(), task.alphabet)
    found = network.boxes(*boxes.by_column(question_states(task)[0]))
    two, automaton = task.alphabet.index("2"), found.automaton
    points = found.lower[automaton.source], found.upper[automaton.source], automaton.symbol
    low, high = network.logits(*points)
    others = automaton.right != two
    rows = np.flatnonzero(others)
    least = (low[rows, automaton.right[rows]] - high[rows, two]).min()
    folder = gru_run(tmp_path / "run", set_weight("logits/bias", least - factor * network.bound, (two,)), unchanged)
    if expected:
        assert check["verdict"](folder)
    else:
        assert "rounding may decide" in refused(check, folder)


def transformer_run(folder: Path, counts: list[tuple[int, int, int]]) -> Path:
    """A run of a trained transformer, with a certificate of such numbers of cases."""
    task, certificate = Task("addition", size=10), {"windows": np.array(counts)}
    return handmade_run(folder, arrays_of(TRANSFORMER), certificate, task, **TRANSFORMER_MODEL)


@pytest.fixture
def transformer(tmp_path: Path, some_cases: list[Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a trained transformer, of which some cases are checked."""
    monkeypatch.setattr(sys.modules["windowed"], "cases", lambda: iter(some_cases))
    return transformer_run(tmp_path / "run", [(before, last, len(right)) for before, last, _, right in some_cases])


@pytest.mark.models
def test_its_cases_of_a_transformer_are_those_of_the_prover(check, windows):
    """Both enumerate them, by different programs."""
    blocks = list(sys.modules["windowed"].cases())
    assert sum(len(right) for *_, right in blocks) == 4_319_840
    for (before, last, pairs, right), block in zip(blocks, windows, strict=True):
        assert (block.rows[:, :2] == [before, last]).all()
        ours, theirs = (
            np.sort(np.column_stack(columns) @ 100 ** np.arange(4))
            for columns in ((pairs, right), (block.rows[:, 2:], block.right))
        )
        np.testing.assert_array_equal(ours, theirs)


def test_a_part_of_the_cases_of_a_transformer_is_accepted(transformer, check):
    verdict = check["verdict"](transformer)
    assert verdict.startswith("every question of addition, of any length, is answered right (")
    assert "float32 can change no margin by more than" in verdict


@pytest.mark.models
def test_its_logits_of_a_transformer_are_those_of_the_prover(check, windows):
    checker, arrays = sys.modules["windowed"], arrays_of(TRANSFORMER)
    network, theirs = checker.Network(arrays, 4, np.float64), WindowedTransformer(arrays, ALPHABET)
    for block in windows[::10]:
        rows, (before, last) = block.rows[::500], block.rows[0, :2].tolist()
        seen = checker.seen_at(before, last, rows[:, 2:])
        logits = network.layers(last, network.attended(network.shares(last, seen)[1]))[-1]
        np.testing.assert_allclose(logits, next(theirs.logits(rows))[0], rtol=1e-9, atol=1e-9)


def with_weight(suffix: str, value: float, place: tuple[int, ...] | None = None) -> Callable[[Arrays], Arrays]:
    """Sets one weight of the array whose name ends so."""

    def edit(arrays: Arrays) -> Arrays:
        (name,) = (name for name in arrays if name.endswith(suffix))
        array = arrays[name].copy()
        array[place or (0,) * array.ndim] = value
        return arrays | {name: array}

    return edit


def scaled_weights(**factors: float) -> Callable[[Arrays], Arrays]:
    """Multiplies arrays by factors, by the last part of their names."""
    return lambda arrays: {
        name: array * np.float32(factors.get(name.rpartition("/")[2], 1)) for name, array in arrays.items()
    }


TRANSFORMERS = {
    "not finite": (with_weight("/read", np.nan), "is not finite"),
    "a bias as high as what is hidden is low": (with_weight("/table", 3e8), "hidden ones may be seen"),
    "a norm that overflows": (with_weight("attention_norm/scale", 2e38), "too large for float32"),
    "an inner norm that overflows": (with_weight("dense_norm/scale", 1e35), "too large for float32"),
    "a last norm that overflows": (with_weight("decoder/norm/scale", 2e38), "too large for float32"),
    "a product that overflows": (with_weight("/down", 3e38), "too large for float32"),
    "a square that overflows": (with_weight("/written", 3e19), "too large for float32"),
    "a cube that overflows": (scaled_weights(up=1e14), "too large for float32"),
    # Exactly the same function, whose scores float32 rounds.
    "a high bias everywhere": (
        lambda arrays: arrays | {"decoder/place_bias/table": arrays["decoder/place_bias/table"] + np.float32(1.1e4)},
        "errors that are too large",
    ),
    "another digit": (with_weight("/written", 9.0, (5, 3)), "a case is wrong"),
    "no attention": (scaled_weights(value_kernel=0), "a case is wrong"),
    "no bias": (scaled_weights(table=0), "a case is wrong"),
    # Exactly the same function, whose values float32 reads as zero.
    "values below 2^-126": (scaled_weights(value_kernel=2.0**-120, output_kernel=2.0**120), "rounding may decide"),
}


@pytest.mark.parametrize(("edit", "reason"), TRANSFORMERS.values(), ids=TRANSFORMERS)
def test_an_edited_transformer_is_refused(transformer, check, edit, reason):
    np.savez(transformer / "best.npz", **edit(arrays_of(TRANSFORMER)))
    bind(transformer)
    with np.errstate(all="ignore"):
        assert reason in refused(check, transformer)


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_the_margin_of_a_transformer_must_exceed_its_bound(transformer, check, monkeypatch, factor):
    share = float(check["verdict"](transformer).rpartition("more than ")[2].partition("%")[0]) / 100
    bounds = sys.modules["windowed"].Bounds
    compute = bounds.__call__

    def scaled(*parts: Any) -> tuple[np.ndarray, np.ndarray]:
        of_logits, of_margins = compute(*parts)
        return of_logits, factor / share * of_margins

    monkeypatch.setattr(bounds, "__call__", scaled)
    if factor < 1:
        assert check["verdict"](transformer)
    else:
        assert "rounding may decide" in refused(check, transformer)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda arrays: arrays | {"decoder/more": arrays["decoder/read"]}, "exactly the arrays"),
        (lambda arrays: {name: array for name, array in arrays.items() if "norm" not in name}, "exactly the arrays"),
        (lambda arrays: arrays | {"decoder/read": arrays["decoder/read"].astype(np.float64)}, "is not float32"),
        (lambda arrays: arrays | {"decoder/read": arrays["decoder/written"]}, "has the shape"),
    ],
)
def test_other_arrays_of_a_transformer_are_refused(transformer, check, edit, reason):
    np.savez(transformer / "best.npz", **edit(arrays_of(TRANSFORMER)))
    bind(transformer)
    assert reason in refused(check, transformer)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"attention_window": 3}, "attention_window of the transformer is not 2"),
        ({"attention_window": None}, "attention_window of the transformer is not 2"),
        ({"positional_encoding": "rope"}, "positional_encoding of the transformer is not coupled_relative_bias"),
        ({"layers": 2}, "layers of the transformer is not 1"),
        ({"loops": 2}, "loops of the transformer is not 1"),
        ({"score_scale": 2.0}, "score_scale of the transformer is not 1"),
        ({"inference_score_scale": 2.0}, "inference_score_scale of the transformer is not 1"),
        ({"options": {}}, "options of the transformer is not None"),
        ({"heads": 8}, "has the shape"),
        ({"heads": 5}, "units and heads"),
        ({"ffn_dim": 255}, "has the shape"),
        ({"input_format": "plain_eos"}, "is not described"),
    ],
)
def test_another_configuration_of_a_transformer_is_refused(transformer, check, change, reason):
    rewritten(transformer / "config.json", lambda config: config["train"]["model"].update(change))
    bind(transformer)
    assert reason in refused(check, transformer)


@pytest.mark.parametrize(
    "edit",
    [
        lambda counts: counts[1:],
        lambda counts: counts[:-1],
        lambda counts: counts[::-1],
        lambda counts: np.concatenate([counts, counts[-1:]]),
        lambda counts: np.add(counts, [0, 0, 1]),
    ],
)
def test_an_edited_certificate_of_a_transformer_is_refused(transformer, check, monkeypatch, edit):
    checker = sys.modules["windowed"]
    monkeypatch.setattr(checker, "check_block", lambda *_: (1.0, 0.0))
    assert check["verdict"](transformer)
    np.savez(transformer / "certificate.npz", windows=edit(arrays_of(transformer / "certificate.npz")["windows"]))
    bind(transformer)
    assert "the certificate counts" in refused(check, transformer)


def test_a_transformer_of_subtraction_is_refused(transformer, check):
    rewritten(transformer / "config.json", lambda config: config["data"]["parameters"].update(task="subtraction"))
    bind(transformer, task="subtraction")
    assert refused(check, transformer) == "a transformer is checked for addition only"
