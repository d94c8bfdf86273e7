"""Whatever is in the files of a run: a sentence for it, and the other runs are shown."""

import contextlib
import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest
import run_files
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import JSON

from seq2seq_arith.arithmetic.scoring import Mistake
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.playground import catalog
from seq2seq_arith.trainer.runs import checkpoints, evaluated, files, history, listing, proofs, samples
from seq2seq_arith.trainer.runs.proofs import Counterexample, Proof
from seq2seq_arith.trainer.runs.run import Run, open_run
from seq2seq_arith.trainer.runs.samples import EpochSamples, Sample
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.sweeps.results import row_of

ROW = run_files.ROWS[0]
SCORES = run_files.suite_scores(mistake=Mistake("1+1", "2", "3"), seen=4, seen_right=1)
SAMPLE = {"question": "1+1", "answer": "2", "prediction": "3"}
TEXTS = ("config.json", "summary.json", "evaluation.json", "search.json", "proof.json", "samples.jsonl", "history.csv")


def evaluated_run(folder):
    """A run with all the files of a training that has ended and was evaluated."""
    run = run_files.write_run(folder, [ROW], stopped="its only epoch is done")
    samples.write_jsonl(run.samples, [EpochSamples(1, (Sample("1+1", "2", "3"),))])
    run_files.summary_of(1, SCORES).write(run.summary)
    run_files.write_evaluation(run, 1, SCORES)
    search = {"digits": 3, "asked": 9, "mistakes": 1, "wrong": [SAMPLE | {"margin": -0.5}]}
    files.write_json(run.search, {"best_epoch": 1, "searches": [search]})
    counts = dict.fromkeys(("states", "cases", "wrong", "near", "margin", "bound", "seconds"), 1)
    proof = Proof(
        task="addition",
        prover=proofs.PROVER,
        version="1",
        weights_sha256=proofs.sha256(run),
        config_sha256=proofs.config_sha256(run),
        counterexample=Counterexample(**SAMPLE),
        **counts,
    )
    files.write_json(run.proof, proof.to_json())
    return run


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    """A folder with a run that is whole and another, which each example damages again."""
    folder = tmp_path_factory.mktemp("runs")
    evaluated_run(folder / "whole")
    evaluated_run(folder / "other")
    return folder


@contextlib.contextmanager
def damaged(top, name, content):
    """A file of the other run with other bytes, which gets its own again."""
    path = top / "other" / name
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def check_both(top):
    """Lists both runs in every way; the whole one is there."""
    entries = [listing.entry(name, folder) for name, folder in listing.folders(top).items()]
    assert [entry.state for entry in entries if entry.name == "whole"] == ["finished"]
    assert listing.text(entries) and listing.json_lines(entries)
    page = catalog.listed(top, catalog.offer)
    assert [run["name"] for run in page["runs"]][-1] == "whole"
    json.dumps(page, allow_nan=False)
    reasons = [entry.why for entry in entries] + [run["why"] for run in page["refused"]]
    assert not [reason for reason in reasons if "Error: " in reason]  # how a fault of ours would look
    read_all(top / "other")
    return entries[0]


def read_all(folder):
    """Reads all that a report shows; whatever is wrong is an InputError."""
    try:
        run = open_run(folder)
        summary, scores = Summary.read(run.summary), evaluated.read(run, 1)
        assert scores is None or (scores.text() and scores.markdown() and repr(scores))
        for search in evaluated.searched(run, 1):
            assert f"{search['asked']:,}" and all(f"{sample['margin']:.4g}" for sample in search["wrong"])
        assert evaluated.worst_in_words(run, scores, proofs.read(run)) and samples.read_jsonl(run.samples) is not None
        if summary:
            assert f"{summary.seconds:,.0f} {summary.flops:.1e} {summary.exact_match:.4f}"
        assert all(history.epoch_lines(row, 1) for row in history.epochs_of(run))
    except InputError as error:
        assert str(error)


def key_paths(values, prefix=()):
    """The keys that lead to each value within JSON."""
    yield prefix
    entries = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in entries:
        yield from key_paths(value, (*prefix, key))


@given(st.sampled_from(TEXTS[:-1]), JSON, st.data())
def test_any_value_at_any_key(top, name, value, data):
    """Without a sha256, as in a file that was changed by hand: a stranger can make it right."""
    values = files.read_json(top / "other" / name, dict)
    *keys, last = data.draw(st.sampled_from([path for path in key_paths(values) if path]))
    inner = values
    for key in keys:
        inner = inner[key]
    inner[last] = value
    with damaged(top, name, json.dumps(values).encode()):
        check_both(top)


@given(st.sampled_from(history.COLUMNS), st.one_of(st.text(max_size=5), st.sampled_from(["9" * 400, "1e308", "-1"])))
def test_any_figure_in_the_history(top, column, text):
    row = {**ROW, column: text}
    with damaged(top, "history.csv", f"{','.join(row)}\n{','.join(map(str, row.values()))}\n".encode()):
        check_both(top)


@given(st.sampled_from((*TEXTS, "best.npz", "last.npz")), st.data())
def test_a_flipped_bit_is_told(top, name, data):
    """Or does nothing: no figure that is shown is another one."""
    run = Run(top / "other", Task("addition"), "", "", TrainConfig())
    content = bytearray((run.folder / name).read_bytes())
    before = shown(run)
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    with damaged(top, name, bytes(content)):
        check_both(top)
        for after, right in zip(shown(run), before, strict=True):
            assert after in (right, None)


def shown(run):
    """What is shown of a run, None for what is known to be damaged."""
    entry = listing.entry("other", run.folder)
    parts = [
        None if entry.state in ("damaged", "refused") else dataclasses.replace(entry, worst=None, worst_slice=None)
    ]
    for read in (lambda: Summary.read(run.summary), lambda: evaluated.read(run, 1)):
        try:
            parts.append(read())
        except InputError:
            parts.append(None)
    return [*parts, samples.read_jsonl(run.samples) or None]


ARRAY = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda header: b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(8),
        st.sampled_from(
            [
                "{'descr': (), 'fortran_order': False, 'shape': (2,)}\n",
                "{'descr': ('<f4',), 'fortran_order': False, 'shape': (2,)}\n",
                "{[]: 1}\n",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4)}\n",
                "  {'descr': '<f4',\n 'fortran_order': False}\n   x",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 100000000000000000000000)}\n",
                "{'descr': '<U0', 'fortran_order': False, 'shape': (100000000000000000000000,)}\n",
                "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}\n",
            ]
        ),
    ),
)


def archive(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archived:
        for name, content in members.items():
            archived.writestr(name, content)
    return file.getvalue()


def state(value):
    file = io.BytesIO()
    np.save(file, np.frombuffer(json.dumps(value).encode(), np.uint8))
    return file.getvalue()


@given(
    st.sampled_from(("best.npz", "last.npz")),
    st.one_of(ARRAY, JSON.map(state), st.dictionaries(st.sampled_from(["row", "history", "stopped"]), JSON).map(state)),
    st.dictionaries(st.sampled_from(["a.npy", "b"]), ARRAY),
)
@example("last.npz", state({"history": [None]}), {})
def test_any_archive(top, name, of_state, others):
    with damaged(top, name, archive({"state.npy": of_state, **others})):
        check_both(top)


def test_a_best_checkpoint_that_was_removed_is_no_circle(top, input_error):
    """A run that has ended would not write it again."""
    run = evaluated_run(top.with_name("gone"))
    run.best.unlink()
    with input_error(InputError):
        checkpoints.load(run.best)
    run.history.unlink()  # its first epoch has not ended
    with input_error(InputError):
        checkpoints.load(run.best)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path, monkeypatch, input_error):
    """As any file that cannot be read, for example for lack of rights."""
    run = evaluated_run(tmp_path / "run")
    readers = {
        run.summary: lambda: Summary.read(run.summary),
        run.history: lambda: history.of_run(run),
        run.config_path: lambda: open_run(run.folder),
    }
    for path, read in readers.items():
        path.unlink(missing_ok=True)
        path.mkdir()
        with input_error(InputError):
            read()
    monkeypatch.setattr(listing, "is_locked", lambda _: run.summary.read_bytes())
    with input_error(InputError):
        listing.state_of(run)


def test_what_a_run_does_not_have_yet(tmp_path, input_error):
    run = run_files.write_run(tmp_path / "run", [])
    for read in (lambda: history.epochs_of(run), lambda: row_of(run.folder, "group", 0, {})):
        with input_error(InputError):
            read()
    run.best.unlink(missing_ok=True)
    run.config_path.write_text("{")
    for read in (lambda: proofs.sha256(run), lambda: proofs.config_sha256(run)):
        with input_error(InputError):
            read()


def test_a_proof_that_contradicts_itself_is_refused(top, input_error):
    proof = proofs.read(open_run(top / "whole"))
    assert proof is not None
    with input_error(InputError):
        dataclasses.replace(proof, counterexample=None)


def test_an_evaluation_of_another_format_is_refused(top, input_error):
    evaluation = evaluated.evaluation_of(open_run(top / "whole"))
    assert evaluation is not None
    with input_error(InputError):
        dataclasses.replace(evaluation, format=1)


def test_of_several_runs_those_that_can_be_used_are_used(top, capsys, input_error):
    """As ``report`` and ``plot`` do."""
    folders = [str(top / "whole"), str(top / "other")]
    with damaged(top, "config.json", b"{"):
        assert list(listing.opened(folders)) == ["whole"]
        assert capsys.readouterr().out.startswith("left out: other: ")
        with input_error(InputError):
            listing.opened(folders[1:])
    with input_error(InputError):  # a misspelt name is not left out
        listing.opened([folders[0], str(top / "nope")])
