"""Which runs are offered, and which questions are read."""

import shutil

import pytest
from layout import OWN_MODEL
from processes import emptied

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import process
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.playground import catalog
from seq2seq_arith.trainer.runs import listing, proofs
from seq2seq_arith.trainer.runs.run import open_run

PQ = Task("pq", size=20)


@pytest.fixture(scope="module")
def top(unbuilt, tmp_path_factory):
    """Runs that can be asked, one of them in a folder below; two damaged ones, one of code, and no run."""
    folder = tmp_path_factory.mktemp("runs")
    unbuilt(folder / "counter", PQ, name="counter", epochs=2)
    unbuilt(folder / "sweep" / "adds", Task("addition"), name="bilstm_tagger", input_format="aligned")
    shutil.copytree(folder / "counter", folder / "damaged")
    (folder / "damaged" / "best.npz").write_bytes(b"PK")
    plugins.allow(OWN_MODEL)
    unbuilt(folder / "own", Task("addition"), name=OWN_MODEL)
    (folder / "empty").mkdir()
    return folder


def test_the_offer_of_a_run(top):
    data = catalog.listed(top, catalog.offer)
    assert [run["name"] for run in data["runs"]] == ["counter", "own", "sweep/adds"]
    counter, _, adds = data["runs"]
    names = ("task", "model", "hints", "example")
    assert [counter[name] for name in names] == ["pq", "counter", "none", "---p--"]
    assert counter["epochs"] == [
        {"epoch": 1, "exact_match": None, "is_best": True},
        {"epoch": 2, "exact_match": None, "is_best": False},
    ]
    assert {question["slice"]: question for question in adds["hard"]}["carry-all"]["why"].startswith(
        "One carry from the units"
    )
    for question in adds["hard"]:
        assert text.parse(question["question"], Task("addition"))
    assert (data["broken"], data["blank"]) == (catalog.BROKEN, text.VISIBLE_PAD)


def test_the_offer_of_a_proved_run_has_its_proof():
    run = open_run("pretrained:addition")
    offer, proof = catalog.offer("addition", run), proofs.read(run)
    expected = {"holds": True, "reach": "every length", "cases": proof.cases, "states": proof.states}
    assert offer["proof"] == expected | {"counterexample": None}


def test_runs_that_cannot_be_asked_say_why(top):
    with emptied(process.current().plugins):
        refused = {run["name"]: run["why"] for run in catalog.listed(top, catalog.offer)["refused"]}
    assert set(refused) == {"damaged", "own"}
    assert "cannot be read" in refused["damaged"]
    assert "runs only if you name it" in refused["own"]


def test_a_folder_that_is_gone_is_said(tmp_path):
    data = catalog.listed(tmp_path / "gone", catalog.offer)
    assert data["runs"] == [] and "there is no folder" in data["refused"][0]["why"]


def test_a_run_is_offered_alone_and_links_are_not_followed(top, tmp_path, input_error):
    assert list(listing.folders(top / "counter")) == ["counter"]
    (tmp_path / "link").symlink_to(top)
    for folder in (tmp_path, tmp_path / "missing"):
        with input_error(InputError):
            listing.folders(folder)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("counter", "3000p1"),
        pytest.param("sweep/adds", f"{'1' * 2001}+1", id="too long for a model of any length"),
        pytest.param("own", f"{'1' * 2000}+1", id="too long for a model of one's own"),
    ],
)
def test_what_is_not_a_question(top, name, typed, input_error):
    with input_error(InputError):
        catalog.read(typed, open_run(top / name))


def test_what_the_address_asks(top, input_error):
    assert catalog.asked(top, ["sweep/adds", "999+1"]) == "run=sweep%2Fadds&question=999%2B1"
    assert catalog.asked(top, ["counter", "counter", "3p2"]) == "run=counter&beside=counter&question=3p2"
    for words in (["counter"], ["conuter", "3p2"], ["counter", "1+2"], ["counter", "sweep/adds", "3p2"]):
        with input_error(InputError):
            catalog.asked(top, words)


def test_the_lengths(top, unbuilt, tmp_path):
    lengths = catalog.lengths(open_run(top / "sweep" / "adds"))
    assert lengths == [*range(1, 11), 12, 18, 24, 36, 48]
    fixed = unbuilt(tmp_path / "fixed", Task("addition"), name="lstm_transformer", input_format="reversed")
    assert catalog.lengths(fixed) == [1, 2, 3]
    long = unbuilt(tmp_path / "long", Task("pq", size=1000), name="counter", input_format="plain")
    below = [length for length in catalog.lengths(long) if length <= 1000]
    assert below == [*range(1, 11), 20, 50, 100, 200, 500, 999, 1000]
