"""Private parts of Beam and of gRPC, each with its reason. A run continues without those that no longer exist.

Three more are in other modules. The builder of TFDS overrides ``_create_builder_config``: TFDS refuses names that
are not built in. ``arith-model describe`` reads Keras's ``_keras_history`` to find the inputs of each layer. The
parsers of ``base/options.py`` read their ``_actions`` to suggest a correction of a mistyped option.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from apache_beam import pipeline

EVERY_INTERFACE, LOOPBACK = "[::]:", "localhost:"
LABELS = "alter_label_if_ipython"


@contextlib.contextmanager
def on_loopback() -> Iterator[None]:
    """Lets gRPC servers that are made in the block listen on the loopback interface instead of on all interfaces.

    For ``--direct_running_mode=multi_threading`` and ``--environment_type=LOOPBACK``, Beam starts servers for workers
    on this machine, which connect to ``localhost:PORT``. They have no authentication, and Beam binds them to
    ``[::]``.
    """
    import grpc  # Beam has imported it already

    make_server = grpc.server

    def server(*arguments: Any, **options: Any) -> grpc.Server:
        new_server = make_server(*arguments, **options)
        bind = new_server.add_insecure_port
        new_server.add_insecure_port = lambda address: bind(address.replace(EVERY_INTERFACE, LOOPBACK))
        return new_server

    grpc.server = server
    try:
        yield
    finally:
        grpc.server = make_server


@contextlib.contextmanager
def plain_labels() -> Iterator[None]:
    """Lets Beam build and run pipelines in the block without the number of the notebook's cell in the steps' names.

    To find those names, Beam imports its data frames, and with them pandas: this fails if pandas is missing or too
    new for Beam. Outside of IPython the replaced function does nothing.
    """
    if (original := getattr(pipeline, LABELS, None)) is None:
        yield
        return
    setattr(pipeline, LABELS, lambda transform, pvalueish: None)
    try:
        yield
    finally:
        setattr(pipeline, LABELS, original)


def own_servers() -> contextlib.AbstractContextManager[Any]:
    """A block that stops the job servers that Beam started in it; otherwise they run as long as this process."""
    try:
        from apache_beam.utils.subprocess_server import SubprocessServer

        return SubprocessServer.cache_subprocesses()
    except (ImportError, AttributeError):
        return contextlib.nullcontext()


def add_messages(error: BaseException, result: Any) -> None:
    """Adds the messages of a failed job to the exception, which has only the last one: a job server sends them all."""
    with contextlib.suppress(AttributeError, TypeError):
        for message in result._messages:
            error.add_note(message.message_response.message_text)


def job_name(result: Any) -> str:
    """The runner's name of a job; empty for a run in this process. Portable runners have it in a private field."""
    job_id = getattr(result, "job_id", None)
    return str((job_id() if callable(job_id) else getattr(result, "_job_id", None)) or "")
