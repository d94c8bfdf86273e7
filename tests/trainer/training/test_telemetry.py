"""Nothing leaves the machine: SECURITY.md promises that no telemetry is sent."""

import socket

import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.__main__ import main as arith_model

SMALL = ["--input-format=plain", "--model=causal", "--hidden=8", "--heads=1", "--layers=1", "--epochs=1"]
SMALL += ["--batch-size=32"]  # there are 45 examples


@pytest.mark.slow
def test_no_other_machine_is_asked_for_data_training_and_predictions(tmp_path, monkeypatch):
    requests = []

    def refused(*request):
        requests.append(request)
        raise OSError("a test allows no connection")

    for owner, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
        monkeypatch.setattr(owner, name, refused)
    data = f"--data-dir={tmp_path}"
    assert arith_data(["generate", "pq", "--dashes=20", "--num-examples=50", data]) == 0
    assert len(tfds.load("seq2seq_arith/pq-d20-n50", data_dir=tmp_path, split="train"))
    assert (
        arith_model(["train", "pq", "--dashes=20", "--num-examples=50", data, f"--run-dir={tmp_path}/run", *SMALL]) == 0
    )
    assert arith_model(["predict", f"{tmp_path}/run", "3p2"]) == 0
    assert requests == []
