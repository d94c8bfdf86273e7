"""Settings of all tests, and what all of them share."""

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import emulators
import hypothesis
import pytest
from input_errors import UPDATE, InputErrors, Snapshot
from processes import emptied
from skips import pytest_make_collect_report, pytest_runtest_makereport

from seq2seq_arith.base import process, progress

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]  # hooks of pytest

# These tests build networks: the tier that `make test-models` runs. A dozen of them are marked smoke, and make test
# runs them, too.
MODELS = tuple(
    f"tests/trainer/{folder}/"
    for folder in (
        "training",
        "models",
        "evaluation",
        "interpretability",
        "export",
        "api",
        "playground",
        "sweeps",
        "reporting",
    )
)
LINT = "tests/repository/"
# The files whose slow tests take longest, longest first: two processes end together if these begin first.
LONGEST = (
    "tests/notebooks/",
    "tests/test_demo.py",
    "tests/trainer/runs/test_stores.py",
    "tests/trainer/training/test_devices.py",
    "tests/trainer/training/test_proof.py",
    "tests/trainer/sweeps/",
    "tests/repository/test_readme.py",
    "tests/test_site.py",
    "tests/test_packaging.py",
    "tests/runners/",
    "tests/examples/",
)

# The machine may be busy: how long an example takes says nothing. `make release` takes more examples.
COMMON = {"deadline": None, "suppress_health_check": list(hypothesis.HealthCheck), "print_blob": True}
hypothesis.settings.register_profile("quick", max_examples=20, **COMMON)
hypothesis.settings.register_profile("release", max_examples=100, **COMMON)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
# A small run in this process may also take so long that it would print its progress among what a test reads.
progress.LINE_SECONDS = 3600.0

SNAPSHOT = Snapshot()


@pytest.fixture(scope="session")
def servers() -> Iterator[None]:
    """Both stores' servers, which this process and its children find in the environment.

    There is one of each per process: clients are kept by name, and would look for a server of before.
    """
    with emulators.both():
        yield


@pytest.fixture
def no_custom_tasks() -> Iterator[Callable[[], None]]:
    """A test begins without the custom tasks that others have named in this process; the function forgets its own."""
    state = process.current()

    def forget() -> None:
        state.tasks.clear()
        state.task_versions.clear()

    with emptied(state.tasks, state.task_versions):
        yield forget


@pytest.fixture
def input_error(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, no_custom_tasks
) -> InputErrors:
    """Compares each sentence that refuses something with the snapshot of all of them."""
    return InputErrors(SNAPSHOT, request.node.nodeid, tmp_path_factory.getbasetemp())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Imports all modules without a look for garbage, then or later, in what they leave: that takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _place(item: pytest.Item) -> int:
    """The place of a test's file among those that take longest, behind them for any other."""
    return next((place for place, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Names the tier of each test, and puts files first whose few tests take minutes."""
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if item.nodeid.startswith(MODELS) and not marks & {"smoke", "slow", "release", "gpu"}:
            item.add_marker(pytest.mark.models)
        if item.nodeid.startswith(LINT) and not marks & {"slow", "release"}:
            item.add_marker(pytest.mark.lint)
    items.sort(key=_place)
    SNAPSHOT.collected = {item.nodeid for item in items}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the snapshot again if the environment requires it."""
    if os.environ.get(UPDATE):
        SNAPSHOT.write()
