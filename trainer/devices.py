"""The devices that a run trains on, as a strategy of tf.distribute."""

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq_arith.pipelines import InputError


def make_strategy(replicas: int | None = None, *, together: bool = False) -> tf.distribute.Strategy:
    """MirroredStrategy over logical CPU devices, over all GPUs, or over the one CPU.

    The global batch and the learning rate stay as configured, whatever the number of replicas: the gradients of
    the replicas are summed, so that a step is the same step. Between GPUs TensorFlow reduces with NCCL.

    Args:
      replicas: How many logical CPU devices to train on; None for all GPUs, or the CPU where there is none.
      together: Whether to work with all machines of ``TF_CONFIG``, each with its devices; it waits for them.

    Raises:
      InputError: TensorFlow has started already with fewer CPU devices, or ``TF_CONFIG`` is not a cluster.
    """
    if together and cluster():
        # Unless it is told otherwise, a worker uses all GPUs of its machine, or its one CPU.
        if replicas and replicas > 1:
            split_cpu(replicas)
        with _interruptible():
            return tf.distribute.MultiWorkerMirroredStrategy()
    if replicas is None:
        gpus = tf.config.list_logical_devices("GPU")
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus] or ["/cpu:0"])
    if replicas > 1:
        split_cpu(replicas)
    devices = [f"/cpu:{index}" for index in range(replicas)]
    # Collective operations, the default, allow one number of replicas a process, and are no faster on one CPU.
    return tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice())


def cluster() -> dict[str, Any]:
    """``TF_CONFIG``, where it names more than one machine; otherwise empty.

    Raises:
      InputError: It is no cluster of workers, or says not which of them this is.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text or "{}")
        machines = {kind: config.get("cluster", {}).get(kind, []) for kind in ("chief", "worker")}
        if sum(map(len, machines.values())) < 2:
            return {}
        machines[config["task"]["type"]][int(config["task"]["index"])]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise InputError(
            f"TF_CONFIG is {text!r}; give "
            '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}, '
            "with another index on every machine, or unset it"
        ) from None
    return config


def is_chief() -> bool:
    """Whether this process writes: the chief, or else worker 0; every process that is alone."""
    config = cluster()
    if not config:
        return True
    task = config["task"]
    return task["type"] == "chief" or ("chief" not in config["cluster"] and int(task["index"]) == 0)


def split_cpu(count: int) -> None:
    """Makes ``count`` logical devices of the one CPU, which share its cores; once a process, before TensorFlow starts.

    Left alone, TensorFlow cuts every operation of every replica into a piece for each core, and small ones into crumbs.

    Raises:
      InputError: TensorFlow has started with fewer.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    cores = os.cpu_count() or 1
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores // count))
        tf.config.threading.set_inter_op_parallelism_threads(max(count, cores))
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:
        there = len(tf.config.list_logical_devices("CPU"))
        if there < count:
            raise InputError(
                f"{count} replicas need as many logical CPU devices, but TensorFlow has started with {there}; "
                "ask for them before it starts"
            ) from None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the process at once: while TensorFlow waits for machines, no line of Python is run.

    It also takes SIGTERM for itself, as a notice of preemption; that is given back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def free_memory() -> int:
    """Bytes of memory that this process could still take: the machine's, or its control group's where less."""
    return min(_available("/proc/meminfo"), _left_in_group("/sys/fs/cgroup"))


def _available(meminfo: str) -> int:
    lines = Path(meminfo).read_text().splitlines() if Path(meminfo).exists() else []
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return kilobytes[0] * 1024 if kilobytes else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _left_in_group(folder: str) -> int:
    limit, used = Path(folder, "memory.max"), Path(folder, "memory.current")
    if not limit.exists() or limit.read_text().strip() == "max":
        return sys.maxsize
    return max(0, int(limit.read_text()) - int(used.read_text()))
