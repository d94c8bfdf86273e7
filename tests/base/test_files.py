"""Files appear whole or not at all, and one process holds a lock."""

import os
import subprocess
import sys
import time

import pytest

from seq2seq_arith.base import files

HOLD = """
import sys, time
from pathlib import Path
from seq2seq_arith.base import files
with files.locked(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    time.sleep(60)
"""


def test_a_link_is_replaced_and_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"theirs")
    link.symlink_to(target)
    files.write_atomically(link, b"ours")
    assert (target.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"theirs", b"ours", False)


def test_old_temporary_files_are_removed_and_young_ones_stay(tmp_path):
    old, young, other = (tmp_path / name for name in (".temp-1", ".temp-2", "other"))
    for path in (old, young, other):
        path.touch()
    before = time.time() - files.TEMPORARY_SECONDS - 1
    os.utime(old, (before, before))
    os.utime(other, (before, before))
    files.remove_temporaries(tmp_path)
    assert sorted(tmp_path.iterdir()) == [young, other]


def test_a_lock_is_held_by_one_and_ends_with_its_process(tmp_path):
    path = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "True\n"
        with files.locked(path) as is_ours:
            assert not is_ours
        holder.kill()
        holder.wait()
    with files.locked(path) as is_ours:
        assert is_ours
        with files.locked(path) as twice:
            assert not twice
    assert path.exists()
    with files.locked(path) as is_ours:
        assert is_ours


def test_two_names_are_exchanged(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    (first / "file").touch()
    second.write_bytes(b"x")
    if not files.exchange(first, second):
        pytest.skip("this file system cannot exchange names")
    assert first.read_bytes() == b"x"
    assert (second / "file").exists()
    with pytest.raises(FileNotFoundError):
        files.exchange(first, tmp_path / "nothing")
