"""The devices that a run trains on, as a strategy of tf.distribute."""

import contextlib
import dataclasses
import functools
import ipaddress
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq_arith.base import machine
from seq2seq_arith.base.decoding import decode, parse
from seq2seq_arith.base.errors import InputError, TrainingError
from seq2seq_arith.base.terminal import say

# Seconds until a machine gives up waiting for the others in one call. Meanwhile the chief may write checkpoints.
PATIENCE = 600.0
# Milliseconds without a heartbeat until a machine counts as gone; a pause of up to half of it ends nothing. With
# TensorFlow's own 10 s, a pause of 5 s of the chief may end a training.
HEARTBEAT_MS = 30_000
KNOCK_SECONDS = 0.5  # between two looks for other machines


def make_strategy(replicas: int | None = None, *, together: bool = False) -> tf.distribute.Strategy:
    """Makes a MirroredStrategy over logical CPU devices, over all GPUs, or over the only CPU; ``prepare`` is done, too.

    Between GPUs, TensorFlow reduces with NCCL.

    The global batch and the learning rate stay as configured, for any number of replicas: the gradients of the
    replicas are summed, so that each step computes the same update. ``replicas`` are logical CPU devices; None for all
    GPUs, or for the CPU if there is no GPU. ``together`` takes the devices of all machines in ``TF_CONFIG``, and waits.

    Raises InputError if TensorFlow has already started with fewer CPU devices, or ``TF_CONFIG`` is not a cluster.
    """
    prepare(replicas)
    if together and cluster():
        # By default, a worker uses all GPUs of its machine, or its only CPU.
        _await_others()
        # Between GPUs, machines sum with NCCL, otherwise in rings of TensorFlow's own.
        communication = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=communication.NCCL if tf.config.get_visible_devices("GPU") else communication.RING,
            bytes_per_pack=0,  # and no timeout, which would start a thread per sum that sleeps as long: see ``patient``
        )
        with _interruptible(), _patient_heartbeats():
            strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
        check_alike()
        return strategy
    if replicas is None:
        gpus = tf.config.list_logical_devices("GPU")
        return tf.distribute.MirroredStrategy([gpu.name for gpu in gpus] or ["/cpu:0"])
    devices = [f"/cpu:{index}" for index in range(replicas)]
    # The default, collective operations, allows one number of replicas per process, and is not faster on one CPU.
    return tf.distribute.MirroredStrategy(devices, tf.distribute.ReductionToOneDevice())


def make_deterministic() -> None:
    """Lets TensorFlow give the same bits each time that it runs the same operations on the same machine.

    Its own switch leaves one operation out: AddN begins with the input whose memory it can reuse, so that the last bits
    of a sum of three and more depend on the order in which threads finish. So ``Learner`` sums the parts of a gradient
    two by two, and arithmetic is not rewritten here, which would make one sum of a chain of additions.
    """
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def prepare(replicas: int | None) -> None:
    """Tells TensorFlow which devices to use, as soon as it starts; some layers of Keras start it when they are made.

    GPUs are hidden from TensorFlow if they are not used. Otherwise it takes their memory as it needs it, so that other
    programs can use them, too; by default, it takes all of it at once.

    Raises InputError if TensorFlow has already started with fewer CPU devices.
    """
    try:
        if replicas is not None:
            tf.config.set_visible_devices([], "GPU")
        for gpu in tf.config.get_visible_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        say("note: TensorFlow has started already, so its GPUs and their memory stay as they are")
    if replicas is not None and replicas > 1:
        split_cpu(replicas)


def uses_gpus(replicas: int | None) -> bool:
    """Whether the replicas are GPUs; ``replicas`` as in ``make_strategy``."""
    return replicas is None and bool(tf.config.get_visible_devices("GPU"))


@dataclasses.dataclass(frozen=True)
class _Role:
    """Which machine of a cluster this one is."""

    type: str
    index: int | str  # a text in some schedulers


def cluster() -> dict[str, Any]:
    """``TF_CONFIG`` if it names several machines, else empty; InputError if it is not a cluster with this one."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = decode(dict[str, Any], parse(text or "{}"))
        of_kind = decode(dict[str, Any], config.get("cluster", {}))
        members = {kind: decode(list[str], of_kind.get(kind, [])) for kind in ("chief", "worker")}
        if sum(map(len, members.values())) < 2:
            return {}
        _ = [_address(machine) for kind in members for machine in members[kind]]
        role = decode(_Role, config.get("task"), further=True)
        members[role.type][int(role.index)]
    except (ValueError, LookupError):  # also a MalformedError
        raise InputError(
            f"TF_CONFIG is {text!r}; give "
            '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}, '
            "with another index on every machine, or unset it"
        ) from None
    return config


def check_private() -> None:
    """Raises InputError if a machine of ``TF_CONFIG`` has a public address: TensorFlow's servers authenticate nobody.

    A name that cannot be resolved is left to TensorFlow.
    """
    for named in _machines():
        with contextlib.suppress(OSError, UnicodeError):
            entries = socket.getaddrinfo(_address(named)[0], None, type=socket.SOCK_STREAM)
            addresses = [str(entry[4][0]).partition("%")[0] for entry in entries]
            if public := next((address for address in addresses if ipaddress.ip_address(address).is_global), None):
                raise InputError(
                    f"TF_CONFIG names {named}, whose address {public} is public, and TensorFlow's servers authenticate "
                    "nobody; give private addresses, or --public-cluster if a firewall protects them"
                )


def check_alike() -> None:
    """Raises InputError unless all machines have equally many GPUs, or TensorFlow's sums would wait for ever."""
    devices = [tf.DeviceSpec.from_string(device.name) for device in tf.config.list_logical_devices()]
    gpus = Counter((device.job, device.task) for device in devices if device.device_type == "GPU")
    counts = sorted({gpus[device.job, device.task] for device in devices})
    if len(counts) > 1:
        raise InputError(
            f"a machine of TF_CONFIG has {counts[0]} GPUs, and another has {counts[-1]}; give all equally many, for "
            "example with CUDA_VISIBLE_DEVICES"
        )


def is_chief() -> bool:
    """Whether this process writes files: the chief, worker 0 if there is no chief, or the only process."""
    config = cluster()
    if not config:
        return True
    task = config["task"]
    return task["type"] == "chief" or ("chief" not in config["cluster"] and int(task["index"]) == 0)


def split_cpu(count: int) -> None:
    """Splits the CPU into ``count`` logical devices; raises InputError if TensorFlow has already started with fewer.

    By default, TensorFlow divides every operation of every replica among all cores, which makes the pieces too small.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    cores = machine.cores()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores // count))
        tf.config.threading.set_inter_op_parallelism_threads(max(count, cores))
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:
        existing = len(tf.config.list_logical_devices("CPU"))
        if existing < count:
            raise InputError(
                f"{count} replicas need as many logical CPU devices, but TensorFlow has started with {existing}; "
                "request them in the first training of a new process (in a notebook, restart the kernel)"
            ) from None


def _await_others() -> None:
    """Waits until all other machines of ``TF_CONFIG`` listen at their ports, and listens at that of this one meanwhile.

    A signal ends this wait at once. In TensorFlow's own wait, which is short after this one, no line of Python runs.

    Raises InputError if another program has this machine's port.
    """
    config = cluster()
    own = config["cluster"][config["task"]["type"]][int(config["task"]["index"])]
    missing = [machine for machine in _machines() if machine != own]
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        listener = socket.create_server(("", _address(own)[1]), family=family, reuse_port=True, dualstack_ipv6=dual)
    except OSError as error:
        raise InputError(
            f"TF_CONFIG says that this machine is {own}, and the port is not free ({error.strerror}); give another one"
        ) from None
    with listener:
        while missing:
            try:
                socket.create_connection(_address(missing[0]), timeout=KNOCK_SECONDS).close()
                missing.pop(0)
            except (OSError, UnicodeError):
                time.sleep(KNOCK_SECONDS)


def _machines() -> list[str]:
    """The machines of ``TF_CONFIG``, chief first, as NAME:PORT; none if there are fewer than two."""
    members = cluster().get("cluster", {})
    return [*members.get("chief", []), *members.get("worker", [])]


def _address(named: str) -> tuple[str, int]:
    """Name or address, and port, of a machine in ``TF_CONFIG``."""
    host, _, port = named.rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Lets Ctrl-C end the process at once: Python handles no signal while TensorFlow waits for other machines.

    TensorFlow also installs its own handler of SIGTERM, as a notice of preemption. Restores both handlers at the end.
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


@contextlib.contextmanager
def _patient_heartbeats() -> Iterator[None]:
    """Lets a strategy that is made in the block wait ``HEARTBEAT_MS`` for heartbeats; there is no public option."""
    from tensorflow.python.eager import context

    running: Any = context.context()
    configure = running.configure_coordination_service
    running.configure_coordination_service = functools.partial(configure, heartbeat_timeout_in_ms=HEARTBEAT_MS)
    try:
        yield
    finally:
        del running.configure_coordination_service


def broadcast(strategy: tf.distribute.Strategy, content: bytes) -> bytes:
    """Gives the chief's bytes to all machines; all of them must call it, each with bytes of its own."""
    length = int(_of_chief(strategy, np.array([len(content)], np.int64))[0])
    # Sums of whole numbers are exact; a sum with zeros would turn -0.0 into 0.0.
    padded = np.zeros(-(-length // 4), np.int32)
    if is_chief():
        padded.view(np.uint8)[:length] = np.frombuffer(content, np.uint8)
    return _of_chief(strategy, padded).tobytes()[:length]


def _of_chief(strategy: tf.distribute.Strategy, array: np.ndarray) -> np.ndarray:
    """The chief's array, on every machine: a sum to which all other replicas add zeros."""

    def share() -> tf.Tensor:
        first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        return tf.where(first, array, np.zeros_like(array))

    return strategy.reduce("SUM", strategy.run(share), axis=None).numpy()


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Ends sums over machines that take longer than ``PATIENCE``: one hangs. TensorFlow finds dead ones in a minute."""
    timer = threading.Timer(PATIENCE, _abort)
    timer.daemon = True
    if cluster():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _abort() -> None:
    from tensorflow.python.eager import context  # there is no public name

    running = context.context()
    assert running
    running.abort_collective_ops(tf.errors.UNAVAILABLE, "a machine hangs")


@contextlib.contextmanager
def translate_exhaustion(advice: str) -> Iterator[None]:
    """Turns TensorFlow's error about a device without enough memory into a ``TrainingError`` with this advice."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise TrainingError(f"a device has too little memory; {advice}") from None
