"""The independent check of proofs: yes to every shipped one, and no to whatever was edited or made to deceive it."""

import hashlib
import io
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
from seq2seq_arith.trainer.proving import tables
from seq2seq_arith.trainer.proving.questions import question_states
from seq2seq_arith.trainer.proving.tables import LatchTagger, SmallAdder
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs.proofs import PROVER

CHECK = ROOT / "trainer/proving/check"
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
