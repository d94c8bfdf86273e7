"""Which config plain ``tfds.load("seq2seq_arith")`` takes: a damaged answer is found, and another one is respected."""

import shlex

import pytest
from programs import run_here

from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.default_config import default_path, default_problem
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher

pytestmark = pytest.mark.usefixtures("copied")
GENERATE = ("generate", "addition", "--num-examples", "100")
RIGHT = b'{"default_config_name": "addition"}'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "is missing"),
        (RIGHT, ""),
        (b'{"default_config_name": "pq"}', ""),
        (b"{", "does not name the default config"),
        (b"[" * 100_000, "does not name the default config"),
        (b"\xff\xfe", "does not name the default config"),
        (b'{"default_config_name": "subtraction"}', "names 'subtraction' as the default config, which does not exist"),
        (b'{"default_config_name": ["pq"]}', "names \"['pq']\" as the default config, which does not exist"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_it_is_checked_and_repaired(tmp_path, content, problem):
    (tmp_path / "pq" / "1.0.0").mkdir(parents=True)
    (tmp_path / "pq" / "1.0.0" / "metadata.json").touch()
    path = default_path(tmp_path)
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    assert default_problem(tmp_path) == problem
    DirectoryPublisher(tmp_path / "addition" / "1.0.0").name_default()
    assert path.read_bytes() == (RIGHT if problem else content)
    assert [entry.name for entry in path.parent.iterdir()] == ["metadata.json"]


def test_what_verify_finds_is_mended_as_it_says(tmp_path):
    """The dataset itself is whole."""
    directory = tmp_path / "my data" / "seq2seq_arith" / "addition-n100" / "1.0.0"
    assert run_here(*GENERATE, "--data-dir", tmp_path / "my data").returncode == 0
    path = default_path(directory.parents[1])
    path.unlink()
    checked = run_here("verify", directory)
    assert (checked.returncode, checked.stdout) == (1, f"{path}: is missing\n")
    (line,) = checked.stderr.splitlines()
    assert line.startswith(f"arith-data: {directory} is complete; write the file beside it with: arith-data gen")
    command = shlex.split(line.partition("with: arith-data ")[2])
    assert run_here(*command).returncode == 0
    assert path.read_bytes() == RIGHT
    assert verify(directory).problems == []
