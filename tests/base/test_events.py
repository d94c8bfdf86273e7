"""``--json``: what each command tells other programs, in which order, and what stays on standard error."""

import json

import pytest
from programs import run_here

from seq2seq_arith import __version__
from seq2seq_arith.base import events
from seq2seq_arith.pipelines.formats.layout import METADATA

SMALL = ("--num-examples", 100, "--num-validation", 10, "--json")


def events_of(process) -> list[dict]:
    """The events of a run, without their times."""
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    times = [line.pop("time") for line in lines]
    assert times == sorted(times)
    return lines


@pytest.fixture(scope="module")
def dataset_run(tmp_path_factory):
    """A run that made a dataset, and its directory."""
    folder = tmp_path_factory.mktemp("events")
    done = run_here("generate", "addition", "--data-dir", folder, *SMALL)
    return done, folder / "seq2seq_arith" / "addition-n100" / "1.0.0"


def test_a_run_tells_its_start_its_result_and_its_end(dataset_run):
    done, path = dataset_run
    first, *between, result, last = events_of(done)
    assert first["event"] == "start"
    assert (first["program"], first["version"], first["command"]) == ("arith-data", __version__, "generate")
    assert {event["event"] for event in between} == {"progress"}
    assert between[-1]["done"] == between[-1]["total"]
    metadata = json.loads((path / METADATA).read_text())
    expected = {name: metadata[name] for name in ("splits", "draws_used", "duplicates", "num_shards")}
    assert result.items() >= {"event": "result", "path": str(path), "is_new": True, **expected}.items()
    assert (last["event"], last["exit_code"]) == ("end", 0)
    *_, again, _ = events_of(run_here("generate", "addition", "--data-dir", path.parents[2], *SMALL))
    assert again.items() >= {"event": "result", "path": str(path), "is_new": False, **expected}.items()
    # What people read goes to standard error.
    assert str(path) in done.stderr.splitlines()
    assert "examples per second" in done.stderr
    assert not events.are_written()


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("plan", "addition"), 0, {"event": "result", "examples": 50_000}),
        (
            ("generate", "addition", "--num-examples", 3, "--data-dir=."),
            2,
            {"event": "error", "exit_code": 2, "retryable": False},
        ),
    ],
)
def test_other_commands(words, code, expected):
    done = run_here(*words, "--json")
    *_, last, end = events_of(done)
    assert last.items() >= expected.items()
    assert end["exit_code"] == done.returncode == code
    if code:
        assert done.stderr == f"arith-data: {last['message']}\n"
