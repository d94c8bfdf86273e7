"""Which config plain ``tfds.load("seq2seq_arith")`` takes: a damaged answer is found, and another one is respected."""

import os

import pytest

from seq2seq_arith.pipelines.formats import default_config
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher

RIGHT = b'{"default_config_name": "addition"}'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, ""),
        (RIGHT, ""),
        (b'{"default_config_name": "pq"}', ""),
        (b"", "does not name the default config"),
        (b"{", "does not name the default config"),
        (b"[]", "does not name the default config"),
        (b"null", "does not name the default config"),
        (b"{}", "does not name the default config"),
        (b"[" * 100_000, "does not name the default config"),
        (b"\xff\xfe", "does not name the default config"),
        (b'{"default_config_name": "subtraction"}', "names 'subtraction' as the default config, which is not there"),
        (b'{"default_config_name": "../pq"}', "names '../pq' as the default config, which is not there"),
        (b'{"default_config_name": ["pq"]}', "names \"['pq']\" as the default config, which is not there"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_it_is_checked_and_repaired(tmp_path, content, problem):
    (tmp_path / "pq" / "1.0.0").mkdir(parents=True)
    (tmp_path / "pq" / "1.0.0" / "metadata.json").touch()
    path = default_config.path(tmp_path)
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    assert default_config.problem(tmp_path) == problem
    DirectoryPublisher(tmp_path / "addition" / "1.0.0").name_default()
    assert path.read_bytes() == (RIGHT if problem or content is None else content)
    assert [entry.name for entry in path.parent.iterdir()] == ["metadata.json"]


def test_a_pipe_in_its_place(tmp_path):
    path = default_config.path(tmp_path)
    path.parent.mkdir()
    os.mkfifo(path)
    assert default_config.problem(tmp_path) == "does not name the default config"
    DirectoryPublisher(tmp_path / "addition" / "1.0.0").name_default()
    assert path.read_bytes() == RIGHT
