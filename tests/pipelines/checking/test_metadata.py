"""``metadata.json`` that contradicts itself, or the dataset."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewriting import TASK, rewritten
from strategies import JSON

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.files import json_sha256
from seq2seq_arith.pipelines.checking.verify import verify


@pytest.mark.parametrize(
    "change",
    [
        {"draws_used": 121, "duplicates": 1},
        {"draws_used": 10**15, "duplicates": 10**15 - 120},
        {"draws_used": "150"},
        {"duplicates": 0},
        {"question_width": 8},
        {"alphabet": "0123456789"},
        {"splits": {"train": 109, "validation": 11}},
        {"num_shards": 4},
        {"files": {}},
        {"files": None},
        {"parameters": None},
        {"parameters": TASK.parameters() | {"num_examples": 10**30}},
        {"parameters": TASK.parameters() | {"ordered": True}},
        {"parameters": TASK.parameters() | {"seed": 5}},
    ],
    ids=lambda change: str(change)[:60],
)
def test_metadata_that_does_not_hold(copy, change):
    rewritten(copy, lambda metadata: metadata.update(change))
    assert any(problem.startswith(f"{copy / 'metadata.json'}: ") for problem in verify(copy).problems)


def test_another_file_in_place_of_one_of_its_layout(copy):
    def rename(metadata):
        name, digest = metadata["files"].popitem()
        metadata["files"][f"other-{name}"] = digest

    rewritten(copy, rename)
    assert verify(copy).problems == [f"{copy / 'metadata.json'}: its files are not those of its parameters"]


def test_another_sha256_than_its_own(copy):
    path = copy / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": 64 * "0"}))
    assert verify(copy).problems == [f"{path}: its content does not have the sha256 that it states"]


@pytest.mark.parametrize("more", [1, 2])
def test_draws_behind_the_last_example(make, more):
    """The draw after the last example is a duplicate here, so that draws_used + 1 gives the same examples."""
    task = Task("addition", size=1, num_examples=50, seed=4)
    directory = make(task, 1)

    def count(metadata):
        metadata.update({name: metadata[name] + more for name in ("draws_used", "duplicates")})

    rewritten(directory, count)
    assert verify(directory).problems == [f"{directory / 'metadata.json'}: draws_used does not give 50 examples"]


FIELDS = "question_width answer_width alphabet num_shards draws_used duplicates parameters splits files"
PLACES = st.one_of(
    st.sampled_from(FIELDS.split()).map(lambda field: [field]),
    st.sampled_from(list(TASK.parameters())).map(lambda field: ["parameters", field]),
)


@given(PLACES, JSON)
def test_any_metadata_at_all(right, tmp_path_factory, fields, value):
    """Any content with its own checksum right: a problem or none, but no exception and no hang."""
    directory = tmp_path_factory.getbasetemp() / "fuzzed"
    if not directory.exists():
        shutil.copytree(right, directory)
    metadata = json.loads((right / "metadata.json").read_text())
    part = metadata[fields[0]] if len(fields) == 2 else metadata
    unchanged = part[fields[-1]] == value and type(part[fields[-1]]) is type(value)
    part[fields[-1]] = value
    metadata["sha256"] = json_sha256(metadata)
    (directory / "metadata.json").write_text(json.dumps(metadata))
    assert bool(verify(directory).problems) != unchanged
