"""Settings of all tests, and what all of them share."""

from collections.abc import Iterator

import emulators
import hypothesis
import pytest

from seq2seq_arith.base import progress

LONGEST = "tests/notebooks/"

# The machine may be busy: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=list(hypothesis.HealthCheck), print_blob=True
)
hypothesis.settings.load_profile("tests")
# A small run in this process may also take so long that it would print its progress among what a test reads.
progress.LINE_SECONDS = 3600.0


@pytest.fixture(scope="session")
def servers() -> Iterator[None]:
    """Both stores' servers, which this process and its children find in the environment.

    There is one of each per process: clients are kept by name, and would look for a server of before.
    """
    with emulators.both():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files first whose few tests take minutes: one process works on a file, and would end long after others."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
