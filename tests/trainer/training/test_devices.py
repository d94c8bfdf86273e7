"""Devices of one machine, and two real processes as two machines on loopback."""

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import tensorflow as tf
from run_files import weights
from sockets import kept_port

from seq2seq_arith.base.errors import InputError, TrainingError
from seq2seq_arith.trainer.training import devices

WORKERS = {"cluster": {"worker": ["a:1", "b:2"]}}
CHIEF = {"cluster": {"chief": ["a:1"], "worker": ["b:2"]}}


@pytest.mark.parametrize("replicas", [None, 1, 2, 4])
def test_replicas(replicas):
    expected = replicas or max(1, len(tf.config.list_logical_devices("GPU")))
    assert devices.make_strategy(replicas).num_replicas_in_sync == expected


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
    "text",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("[1]", id="list"),
        pytest.param(json.dumps(WORKERS), id="no task"),
        pytest.param(json.dumps(WORKERS | {"task": {"type": "worker", "index": 2}}), id="index out of range"),
        pytest.param(
            json.dumps({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}), id="no ports"
        ),
    ],
)
def test_what_is_no_cluster_is_refused(monkeypatch, text, input_error):
    monkeypatch.setenv("TF_CONFIG", text)
    with input_error(InputError):
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


def test_the_other_machines_are_waited_for_and_their_gpus_counted(monkeypatch, input_error):
    with kept_port() as mine, kept_port() as other:
        machines = [f"127.0.0.1:{mine}", f"localhost:{other}"]
        config = {"cluster": {"worker": machines}, "task": {"type": "worker", "index": 0}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        monkeypatch.setattr(devices, "KNOCK_SECONDS", 0.01)
        with ThreadPoolExecutor(1) as executor:
            waiting = executor.submit(devices._await_others)
            until(lambda: not socket.socket().connect_ex(("127.0.0.1", mine)))
            assert not waiting.done()
            with socket.create_server(("127.0.0.1", other)):
                waiting.result(timeout=60)
                taken = f"this machine is 127.0.0.1:{mine}, and the port is not free"
                with socket.create_server(("127.0.0.1", mine)), pytest.raises(InputError, match=taken):
                    devices._await_others()
    name = "/job:worker/replica:0/task:{}/device:{}:{}"
    found = [tf.config.LogicalDevice(name.format(*each), each[1]) for each in [(0, "CPU", 0), (1, "CPU", 0)]]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: found)
    devices.check_alike()
    found += [tf.config.LogicalDevice(name.format(1, "GPU", number), "GPU") for number in range(2)]
    with input_error(InputError):
        devices.check_alike()


class Cluster:
    """Two or more processes that train together."""

    def __init__(self, data_dir, folder, epochs, machines=2):
        size = ["--num-examples", 1003, "--epochs", epochs, "--batch-size", 50, "--checkpoint-seconds", 0.5]
        size += ["--recipe", "notebook", "--model", "bilstm_tagger", "--input-format", "aligned", "--hidden", 32]
        size += ["--learning-rate", 5e-3, "--schedule", "cosine", "--clip-norm", 1.0, "--patience", 0]
        self.folder = folder
        self.machines = machines
        self.ports = contextlib.ExitStack()
        self.arguments = [str(a) for a in ("train", "addition", "--data-dir", data_dir, *size, "--run-dir")]
        self.program = lambda index: ["-m", "seq2seq_arith.trainer"]

    def command(self, folder, index=0):
        return [sys.executable, *self.program(index), *self.arguments, str(folder)]

    def start(self, more=lambda index: ()):
        """All machines, each with more arguments of its own."""
        self.ports.close()  # of machines before
        hosts = [f"127.0.0.1:{self.ports.enter_context(kept_port())}" for _ in range(self.machines)]
        started = []
        for index in range(self.machines):
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            environment = os.environ | {"TF_CONFIG": json.dumps(config)}
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            command = [*self.command(self.folder, index), *map(str, more(index))]
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
def test_two_machines_learn_what_one_does_also_after_a_pause_or_the_loss_of_one(data_dir, tmp_path):
    """The pause is longer than TensorFlow's own limit of 10 seconds."""
    epochs = 30
    cluster = Cluster(data_dir, tmp_path / "two", epochs)
    subprocess.run(cluster.command(tmp_path / "one"), check=True, capture_output=True)

    machines = cluster.start()
    threads = []
    until((cluster.folder / "history.csv").exists)
    for epoch in (50 // 19 + 1, 500 // 19 + 1):
        until(lambda epoch=epoch: len(losses(cluster.folder)) >= epoch)
        threads.append(psutil.Process(machines[0].pid).num_threads())
        if len(threads) == 1:
            machines[0].send_signal(signal.SIGSTOP)
            time.sleep(12)
            assert machines[1].poll() is None
            machines[0].send_signal(signal.SIGCONT)
    assert threads[1] - threads[0] < 50
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
    assert chief.returncode == 75
    assert error.startswith("arith-model: another machine of the cluster is gone")
    assert len(error.splitlines()) == 1
    assert len(losses(cluster.folder)) < epochs

    machines = cluster.start()
    printed = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], printed
    assert "resumes from there" in printed[0][0]
    assert weights(cluster.folder / "last.npz") == weights(tmp_path / "two/last.npz")
    assert losses(cluster.folder) == losses(tmp_path / "two")


OWN = """
import keras
from keras import layers
from seq2seq_arith.trainer.data.input_formats import InputFormat


def plain(spec):
    question = spec.question()
    units = layers.Flatten()(layers.Embedding(spec.depth, spec.hidden)(question))
    logits = layers.Dense(spec.steps * spec.depth)(layers.Dense(spec.hidden)(units))
    return keras.Model(question, layers.Reshape((spec.steps, spec.depth))(logits), name=spec.name)


class Mine(InputFormat):
    pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("machines", [1, 2])
def test_a_model_and_an_input_format_of_ones_own_train_on_several_devices(data_dir, tmp_path, machines):
    (tmp_path / "own.py").write_text(OWN)
    cluster = Cluster(data_dir, tmp_path / "run", 1, machines)
    named = [f"--{option}={tmp_path}/own.py:{name}" for option, name in (("model", "plain"), ("input-format", "Mine"))]
    started = cluster.start(lambda index: [*named, *(["--replicas", 2] if machines == 1 else [])])
    printed = [machine.communicate(timeout=300) for machine in started]
    assert [machine.returncode for machine in started] == [0] * machines, printed
    assert "2 replicas" in printed[0][0]
    assert len(losses(tmp_path / "run")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_for_other_machines(data_dir, tmp_path, number):
    machine, other = Cluster(data_dir, tmp_path, 1).start()
    other.kill()  # before it listens
    other.communicate()
    assert machine.stdout.readline().startswith("waiting for the other machines")
    machine.send_signal(number)
    assert machine.communicate(timeout=60)[1].startswith("arith-model: stopped; the same command resumes")
    assert machine.returncode == 130


@pytest.mark.release
def test_a_machine_that_hangs_is_given_up(data_dir, tmp_path):
    """The chief, which writes its first checkpoint for ever, in a process whose other threads are alive."""
    hangs = "from seq2seq_arith.trainer.runs import checkpoints\ncheckpoints.save = lambda *_, **__: time.sleep(1000)"
    cluster = Cluster(data_dir, tmp_path, 3)
    cluster.program = lambda index: [
        "-c",
        f"import sys, time\nfrom seq2seq_arith.trainer.training import devices\ndevices.PATIENCE = 20.0\n"
        f"{'' if index else hangs}\nfrom seq2seq_arith.trainer.__main__ import main\nsys.exit(main())",
    ]
    chief, other = cluster.start()
    try:
        error = other.communicate(timeout=240)[1]
    finally:
        chief.kill()
        chief.communicate()
    assert other.returncode == 75
    last = error.splitlines()[-1]  # TensorFlow was imported before the program could quiet it
    assert last.startswith("arith-model: another machine of the cluster is gone, or hangs; start the same command")


@pytest.mark.release
def test_machines_of_different_settings(data_dir, tmp_path):
    """The third of three; each has a folder of its own."""
    cluster = Cluster(data_dir, tmp_path, 1, machines=3)
    more = lambda index: ["--run-dir", tmp_path / str(index), "--seed", index // 2]  # noqa: E731
    machines = cluster.start(more=more)
    printed = [machine.communicate(timeout=240) for machine in machines]
    assert [machine.returncode for machine in machines] == [2, 2, 2], printed
    for _, error in printed:
        assert error.startswith("arith-model: the machines do not have the same options or data; start the same")
        assert len(error.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) + b"abc"])
def test_bytes_of_the_chief_come_whole(content):
    """Of one machine with two replicas, each of which takes part in the sum."""
    assert devices.broadcast(devices.make_strategy(2), content) == content
