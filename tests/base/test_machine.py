"""Memory, processors and disk of this machine, and of a container with less."""

import sys

import psutil
import pytest

from seq2seq_arith.base import machine


@pytest.mark.parametrize(
    ("limit", "used", "left"),
    [("max", "5", sys.maxsize), ("1000", "400", 600), ("1000", "1400", 0), (None, None, sys.maxsize)],
)
def test_a_container_may_leave_less(tmp_path, monkeypatch, limit, used, left):
    if limit is not None:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(machine, "CONTROL_GROUP", tmp_path)
    free = machine.free_memory()
    assert 0 <= free <= psutil.virtual_memory().total
    assert free == left if left <= 600 else free > 600
