"""A data format that is added as ``formats/layout.py`` says, and goes all the way: no other file knows of it."""

import contextlib
import json
import re
import sys
import types

import numpy as np
import pytest
from programs import files, run_here
from rewriting import rewritten

from seq2seq_arith.pipelines.formats import Problem, check_count, layout
from seq2seq_arith.pipelines.formats.layout import FORMATS, OPTIONAL_FORMATS, Format

NAME = "csv_lines"
GENERATE = ("generate", "subtraction", "--num-examples", 200, "--num-shards", 2, "--csv-lines")
CONFIG = "seq2seq_arith/subtraction-n200/1.0.0"


@contextlib.contextmanager
def lines(file, task):
    yield lambda questions, answers: file.write(
        b"".join(bytes(pair[0]) + b"," + bytes(pair[1]) + b"\n" for pair in zip(questions, answers, strict=True))
    )


def read(data, task, count):
    table = [line.split(b",") for line in data.splitlines()]
    check_count(len(table), count)
    for row, cells in enumerate(table):
        if [*map(len, cells)] != [task.question_width, task.answer_width]:
            raise Problem(f"row {row}: has other cells")
    columns = zip(*table, strict=True) if table else ((), ())
    widths = task.question_width, task.answer_width
    return tuple(np.frombuffer(b"".join(c), np.uint8).reshape(-1, w) for c, w in zip(columns, widths, strict=True))


ENTRY = Format(
    writer=lines,
    bytes_of=lambda task, num_shards: task.num_examples * (task.question_width + task.answer_width + 2),
    extension="csv",
)
# The bytes of the second one depend on a package, so that it can be read back.
READABLE = Format(**{**vars(ENTRY), "read": read, "library": "numpy"})


@pytest.fixture(params=[ENTRY, READABLE], ids=["without read", "with read"])
def entry(request, monkeypatch):
    """The module with its ``FORMAT``, and its name in ``FORMATS``: all that is to be written."""
    module = f"{layout.__package__}.{NAME}"
    monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(FORMAT=request.param))
    monkeypatch.setitem(FORMATS, NAME, "lines of CSV")
    monkeypatch.setattr(layout, "OPTIONAL_FORMATS", OPTIONAL_FORMATS)
    OPTIONAL_FORMATS.append(NAME)
    yield request.param
    OPTIONAL_FORMATS.remove(NAME)


def test_it_is_made_planned_verified_shown_copied_and_described(entry, tmp_path):
    def output(*words):
        done = run_here(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert re.search("lines of CSV +about 3.8 kB", output("plan", *GENERATE[1:]))
    assert "3.8 kB of lines of CSV" in output(*GENERATE, "--data-dir", tmp_path)
    directory = tmp_path / CONFIG
    assert len((directory / f"{NAME}/train-00000-of-00002.csv").read_bytes().splitlines()) > 50
    assert "nothing was done" in output(*GENERATE, "--data-dir", tmp_path)
    assert "15 files and 200 examples are as they should be" in output("verify", directory)
    assert "15 files have the right names" in output("verify", directory, "--quick")
    assert "180 training and 20 validation examples" in output("show", directory)
    output("card", tmp_path)
    output("fetch", directory, tmp_path / "copy")
    assert files(tmp_path / "copy" / CONFIG) == files(directory)
    refused = run_here(*(word for word in GENERATE if word != "--csv-lines"), "--data-dir", tmp_path)
    assert refused.returncode == 2
    assert "has 2 shards with Parquet and with lines of CSV, not the requested 2 shards with Parquet" in refused.stderr


def test_damage_is_told(entry, tmp_path):
    assert run_here(*GENERATE, "--data-dir", tmp_path).returncode == 0
    directory = tmp_path / CONFIG
    path = directory / f"{NAME}/train-00001-of-00002.csv"
    right = path.read_bytes()

    def problem():
        done = run_here("verify", directory)
        assert done.returncode == 1
        assert f"{' '.join(map(str, GENERATE))} --data-dir {tmp_path} --overwrite" in done.stderr
        (line,) = done.stdout.splitlines()
        assert line.startswith(f"{path}: ")
        return line.removeprefix(f"{path}: ")

    path.write_bytes(right[:-1])
    assert problem() == "does not have the sha256 that metadata.json states"
    # With every checksum made right.
    first, second, *others = right.splitlines(keepends=True)
    path.write_bytes(b"".join([second, first, *others]))
    rewritten(directory)
    place = next(at for at, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    complaint = "row 0: is not the example that the parameters give here"
    assert problem() == (complaint if entry.read else f"is not what the parameters give, from byte {place} on")
    path.write_bytes(right + first)
    rewritten(directory)
    count = len(right.splitlines())
    complaint = f"has {count + 1} rows, not {count}"
    assert problem() == (complaint if entry.read else f"is not what the parameters give, from byte {len(right):,} on")
    path.unlink()
    assert problem() == "is missing"


def test_other_bytes_of_another_version_of_a_library_are_right(entry, tmp_path):
    assert run_here(*GENERATE, "--data-dir", tmp_path).returncode == 0
    path = tmp_path / CONFIG / f"{NAME}/train-00001-of-00002.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    rewritten(tmp_path / CONFIG)
    assert run_here("verify", tmp_path / CONFIG).returncode == (0 if entry.library else 1)


def test_a_format_of_a_library_can_be_read():
    with pytest.raises(ValueError, match="the bytes of the format depend on numpy; give it a read, too"):
        Format(**{**vars(ENTRY), "library": "numpy"})
    assert json.dumps(sorted(FORMATS)) == '["array_record", "parquet", "parquet_written", "tfrecord"]'
