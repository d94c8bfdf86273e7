"""A small dataset that is right, and a copy of it to damage."""

import shutil
from pathlib import Path

import pytest
from rewriting import SHARDS, TASK


@pytest.fixture(scope="session")
def right(make) -> Path:
    return make(TASK, SHARDS, parquet=True)


@pytest.fixture
def copy(right, tmp_path) -> Path:
    return shutil.copytree(right, tmp_path / "copy")
