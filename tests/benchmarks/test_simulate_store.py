"""Publishing very many objects in a simulated store: how many requests it takes, whatever their number."""

import importlib
from pathlib import Path

import pytest

from seq2seq_arith.pipelines.formats.manifests import FEW_SHARDS


@pytest.mark.parametrize("objects", [4 * FEW_SHARDS + 4, pytest.param(100_000, marks=pytest.mark.slow)])
def test_requests(monkeypatch, objects):
    """Two listings and a dozen others; the marker is read by its version, and no manifest is read."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    benchmark = importlib.import_module("simulate_store")
    monkeypatch.setitem(benchmark.clients.CLIENTS, benchmark.SCHEME, benchmark.SimulatedStore)
    measured = benchmark.publish(objects)
    assert measured.objects == objects
    assert measured.requests["listing"] == 2
    assert measured.requests["listed page"] <= objects / benchmark.PAGE + 3
    assert sum(measured.requests[kind] for kind in ("look", "read", "write", "delete")) <= 12
    assert measured.metadata_bytes < 100_000
    # A million objects are published in five minutes, of which the listings take three.
    assert measured.waiting * 1_000_000 / max(objects, 100_000) < 200
