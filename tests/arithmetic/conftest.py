"""Each of these tests begins without custom tasks, which others may have named in this process."""

import pytest


@pytest.fixture(autouse=True)
def forgotten(no_custom_tasks):
    pass
