"""Devices of one machine, and two real processes as two machines on loopback."""

import contextlib
import csv
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from sockets import kept_port

from seq2seq_arith.base.errors import InputError, TrainingError
from seq2seq_arith.trainer.runs.checkpoints import load
from seq2seq_arith.trainer.training import devices

WORKERS = {"cluster": {"worker": ["a:1", "b:2"]}}
CHIEF = {"cluster": {"chief": ["a:1"], "worker": ["b:2"]}}


@pytest.mark.parametrize("replicas", [None, 1, 2, 4])
def test_replicas(replicas):
    expected = replicas or max(1, len(tf.config.list_logical_devices("GPU")))
    assert devices.make_strategy(replicas).num_replicas_in_sync == expected


@pytest.mark.parametrize(("machines", "replicas", "expected"), [(0, None, 1), (0, 3, 3), (2, None, 2), (2, 3, 6)])
def test_replicas_are_counted_before_they_are_there(monkeypatch, machines, replicas, expected):
    config = WORKERS | {"task": {"type": "worker", "index": 0}} if machines else {}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    gpus = len(tf.config.list_physical_devices("GPU")) if replicas is None else 0
    assert devices.count_replicas(replicas) == expected * max(1, gpus)


@pytest.mark.release
def test_a_device_without_enough_memory_gives_one_sentence():
    """The array would have 4 PiB."""
    with pytest.raises(TrainingError) as caught, devices.translate_exhaustion("give a smaller --batch-size"):
        tf.zeros([2**30, 2**20])
    assert str(caught.value) == "a device has too little memory; give a smaller --batch-size"


def test_more_replicas_than_devices():
    with pytest.raises(
        InputError, match="5 replicas need as many logical CPU devices, but TensorFlow has started with 4"
    ):
        devices.make_strategy(5)


@pytest.mark.parametrize(
    ("config", "machines", "chief"),
    [
        (None, 0, True),
        ({}, 0, True),
        ({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}, 0, True),
        (WORKERS | {"task": {"type": "worker", "index": 0}}, 2, True),
        (WORKERS | {"task": {"type": "worker", "index": "1"}}, 2, False),
        (CHIEF | {"task": {"type": "chief", "index": 0}}, 2, True),
        (CHIEF | {"task": {"type": "worker", "index": 0}}, 2, False),
    ],
)
def test_who_is_the_chief(monkeypatch, config, machines, chief):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config) if config is not None else "")
    assert sum(map(len, devices.cluster().get("cluster", {}).values())) == machines
    assert devices.is_chief() == chief


@pytest.mark.parametrize(
    "text", ["{", "[1]", json.dumps(WORKERS), json.dumps(WORKERS | {"task": {"type": "worker", "index": 2}})]
)
def test_what_is_no_cluster_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG is"):
        devices.cluster()


@pytest.mark.parametrize(
    ("machines", "public"),
    [
        (["8.8.8.8:2222", "10.0.0.2:2222"], "8.8.8.8"),
        (["10.0.0.1:2222", "[2001:4860:4860::8888]:2222"], "2001:4860:4860::8888"),
        (["10.0.0.1:2222", "192.168.3.4:2222"], None),
        (["[::1]:2222", "100.64.0.1:2222"], None),
        (["8.8.8.8:2222"], None),  # no cluster
        (["no.such.name.invalid:2222", "\udcff:2222"], None),
    ],
)
def test_a_public_address_is_refused(monkeypatch, machines, public):
    config = {"cluster": {"worker": machines}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(InputError, match=f"whose address {public} is public") if public else contextlib.nullcontext():
        devices.check_private()


class Cluster:
    """Two or more processes that train together."""

    def __init__(self, data_dir, folder, epochs, machines=2):
        size = ["--num-examples", 1003, "--epochs", epochs, "--batch-size", 50, "--checkpoint-seconds", 0.5]
        size += ["--recipe", "notebook", "--model", "lstm_tagger", "--view", "aligned", "--hidden", 32]
        size += ["--learning-rate", 5e-3, "--schedule", "cosine", "--clip-norm", 1.0, "--patience", 0]
        self.folder = folder
        self.machines = machines
        self.ports = contextlib.ExitStack()
        self.arguments = [str(a) for a in ("train", "addition", "--data-dir", data_dir, *size, "--run-dir")]

    def command(self, folder):
        return [sys.executable, "-m", "seq2seq_arith.trainer", *self.arguments, str(folder)]

    def start(self, more=lambda index: ()):
        """All machines, each with more arguments of its own."""
        self.ports.close()  # of machines before
        hosts = [f"127.0.0.1:{self.ports.enter_context(kept_port())}" for _ in range(self.machines)]
        started = []
        for index in range(self.machines):
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            environment = os.environ | {"TF_CONFIG": json.dumps(config)}
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            command = [*self.command(self.folder), *map(str, more(index))]
            started.append(subprocess.Popen(command, env=environment, **pipes))
        return started


def until(condition, seconds=120):
    """Waits for a condition; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def losses(folder):
    with (folder / "history.csv").open() as file:
        return [[float(row[key]) for key in ("loss", "val_loss", "val_exact_match")] for row in csv.DictReader(file)]


@pytest.mark.slow
def test_two_machines_learn_what_one_does_and_survive_the_loss_of_one(data_dir, tmp_path):
    epochs = 40
    cluster = Cluster(data_dir, tmp_path / "two", epochs)
    subprocess.run(cluster.command(tmp_path / "one"), check=True, capture_output=True)

    machines = cluster.start()
    printed = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], printed
    two, one = losses(tmp_path / "two"), losses(tmp_path / "one")
    np.testing.assert_allclose(two, one, atol=1e-3)
    np.testing.assert_allclose(two[:3], one[:3], atol=1e-4)  # 57 steps
    assert "exact match" in printed[0][0]
    assert "epoch 1/" not in printed[1][0]

    cluster.folder = tmp_path / "again"
    chief, other = cluster.start()
    until((cluster.folder / "history.csv").exists)
    other.kill()
    error = chief.communicate(timeout=120)[1]
    other.communicate()
    assert chief.returncode == 1
    assert error.startswith("arith-model: another machine of the cluster is gone")
    assert len(error.splitlines()) == 1
    assert len(losses(cluster.folder)) < epochs

    machines = cluster.start()
    printed = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], printed
    assert "goes on from there" in printed[0][0]
    whole, again = (load(folder / "last.npz")[0] for folder in (tmp_path / "two", cluster.folder))
    assert {name: array.tobytes() for name, array in whole.items()} == {
        k: array.tobytes() for k, array in again.items()
    }
    assert losses(cluster.folder) == losses(tmp_path / "two")


@pytest.mark.release
def test_machines_of_different_settings(data_dir, tmp_path):
    """The third of three; each has a folder of its own."""
    cluster = Cluster(data_dir, tmp_path, 1, machines=3)
    more = lambda index: ["--run-dir", tmp_path / str(index), "--seed", index // 2]  # noqa: E731
    machines = cluster.start(more=more)
    printed = [machine.communicate(timeout=240) for machine in machines]
    assert [machine.returncode for machine in machines] == [2, 2, 2], printed
    for _, error in printed:
        assert error.startswith("arith-model: the machines do not have the same settings or data; start the same")
        assert len(error.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) + b"abc"])
def test_bytes_of_the_chief_come_whole(content):
    """Of one machine with two replicas, each of which takes part in the sum."""
    assert devices.broadcast(devices.make_strategy(2), content) == content
