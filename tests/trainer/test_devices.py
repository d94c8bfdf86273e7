"""Devices of one machine, and two real processes as two machines on loopback."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer import devices
from seq2seq_arith.trainer.checkpoints import load

WORKERS = {"cluster": {"worker": ["a:1", "b:2"]}}
CHIEF = {"cluster": {"chief": ["a:1"], "worker": ["b:2"]}}


@pytest.mark.parametrize("replicas", [None, 1, 2, 4])
def test_replicas(replicas):
    expected = replicas or max(1, len(tf.config.list_logical_devices("GPU")))
    assert devices.make_strategy(replicas).num_replicas_in_sync == expected


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


def test_memory_is_what_is_left(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert devices._left_in_group(str(tmp_path)) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert devices._left_in_group(str(tmp_path)) == sys.maxsize
    assert 0 < devices.free_memory() < 2**50


class Cluster:
    """Two processes that train together."""

    def __init__(self, data_dir, folder, epochs):
        size = ["--num-examples", 1003, "--epochs", epochs, "--batch-size", 50, "--checkpoint-seconds", 0.5]
        self.folder = folder
        self.arguments = [str(a) for a in ("train", "addition", "--data-dir", data_dir, *size, "--run-dir")]

    def command(self, folder):
        return [sys.executable, "-m", "seq2seq_arith.trainer", *self.arguments, str(folder)]

    def start(self, count=2, more=lambda index: ()):
        """The first ``count`` of two machines, each with more arguments of its own."""
        with socket.socket() as one, socket.socket() as two:
            for each in (one, two):
                each.bind(("127.0.0.1", 0))
            hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two)]
        started = []
        for index in range(count):
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            environment = os.environ | {"TF_CONFIG": json.dumps(config)}
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            command = [*self.command(self.folder), *map(str, more(index))]
            started.append(subprocess.Popen(command, env=environment, **pipes))
        return started


def until(condition, seconds=120):
    """Waits for a condition, and no longer than that."""
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
    assert [array.tobytes() for array in whole] == [array.tobytes() for array in again]
    assert losses(cluster.folder) == losses(tmp_path / "two")


@pytest.mark.slow
def test_a_machine_that_is_lost_before_the_first_step(data_dir, tmp_path):
    chief, other = Cluster(data_dir, tmp_path / "run", 40).start()
    until(lambda: other.stdout.readline().startswith("addition-n1003: "))  # all are there; the model is built next
    other.kill()
    other.communicate()
    error = chief.communicate(timeout=120)[1]
    assert chief.returncode == 1, error
    assert error.startswith("arith-model: another machine of the cluster is gone")
    assert len(error.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (lambda index: ["--seed", index], "the machines have not the same settings or data; start the same command"),
        (lambda index: [], "the machines do not stand at the same step, this one at"),
    ],
    ids=["settings", "step"],
)
def test_machines_that_do_not_fit_together(data_dir, tmp_path, more, sentence):
    """Each has a folder of its own. The chief's has a finished run in it, the other's nothing."""
    cluster = Cluster(data_dir, tmp_path, 1)
    subprocess.run(cluster.command(tmp_path / "0"), check=True, capture_output=True)
    machines = cluster.start(more=lambda index: ["--run-dir", tmp_path / str(index), *more(index)])
    printed = [machine.communicate(timeout=120) for machine in machines]
    assert [machine.returncode for machine in machines] == [2, 2], printed
    for _, error in printed:
        assert error.startswith(f"arith-model: {sentence}")
        assert len(error.splitlines()) == 1


@pytest.mark.slow
def test_waiting_for_machines_can_be_given_up(data_dir, tmp_path):
    (chief,) = Cluster(data_dir, tmp_path / "run", 2).start(count=1)
    assert chief.stdout.readline().startswith("waiting for the other machines of TF_CONFIG; Ctrl-C gives up")
    time.sleep(3)
    chief.send_signal(signal.SIGINT)
    chief.communicate(timeout=10)
    assert chief.returncode == -signal.SIGINT


@pytest.mark.slow
def test_a_machine_that_is_told_to_end_says_so(data_dir, tmp_path):
    chief, other = Cluster(data_dir, tmp_path / "run", 1000).start()
    until((tmp_path / "run" / "history.csv").exists)
    other.send_signal(signal.SIGTERM)
    errors = [machine.communicate(timeout=120)[1] for machine in (chief, other)]
    assert (chief.returncode, other.returncode) == (1, 130), errors
    assert errors[0].startswith("arith-model: another machine of the cluster is gone")
    assert errors[1].startswith("arith-model: stopped; the same command goes on from the last checkpoint")
