"""Requests that a store refuses are repeated and counted, wherever they are made."""

import os
import re

import pytest
from flaky import flaky
from programs import run
from prometheus_client.parser import text_string_to_metric_families
from stored import GENERATE, THREE

from seq2seq_arith.pipelines.places import repeats

METRIC = "arith_data_repeated_requests"
MODES = {"threads": (), "processes": ("--direct_running_mode=multi_processing", "--direct_num_workers=2")}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_the_metrics_of_a_run_have_them(served_dir, tmp_path, monkeypatch, mode):
    """One request of five is refused. Of other processes, what the last steps repeat is not counted."""
    variable = {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_ENDPOINT_URL"}[served_dir.url[:2]]
    metrics = tmp_path / "metrics.prom"
    with flaky(os.environ[variable], 0.2) as (url, refused):
        monkeypatch.setenv(variable, url)
        process = run(*GENERATE, *THREE, "--data-dir", served_dir, *MODES[mode], "--metrics-file", metrics)
    assert process.returncode == 0, process.stderr
    found = {each.name: each.samples[0].value for each in text_string_to_metric_families(metrics.read_text())}
    # Google's client looks for the bucket's own metadata, too, and leaves it at that.
    ours = [request for request in refused if not re.match(r"GET /storage/v1/b/[^/]+$", request)]
    assert len(ours) > 3
    if mode == "threads":
        assert found[METRIC] == len(ours)
    else:
        assert 0 < found[METRIC] <= len(ours)


def test_workers_of_this_process_are_not_counted_twice(monkeypatch):
    told = []
    monkeypatch.setattr(repeats.events, "add_to_metric", lambda name, amount, help: told.append(amount))
    repeats.hand_over()
    repeats.add_engines(0)  # whatever other tests have left
    told.clear()
    repeats.add()
    repeats.add(2)
    assert repeats.hand_over() == 3
    assert repeats.hand_over() == 0
    repeats.add_engines(3 + 4)  # four of other processes
    repeats.add_engines(0)
    assert told == [1, 2, 4, 0]
