"""Each of these tests begins without custom tasks, which others may have named in this process."""

import pytest

from seq2seq_arith.arithmetic import own_tasks


@pytest.fixture(autouse=True)
def no_custom_tasks(monkeypatch):
    monkeypatch.setattr(own_tasks, "_current", {})
    monkeypatch.setattr(own_tasks, "_known", {})
