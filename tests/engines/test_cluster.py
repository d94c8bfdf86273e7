"""Messages on a machine without Flink, and without the programs that build it or run it."""

import shutil
import subprocess

import flink
import pytest

from seq2seq_arith.base.errors import EngineError


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without Java and Maven, but with a shell."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    monkeypatch.setenv("PATH", str(programs))


@pytest.mark.parametrize("there", [[], ["job-server.jar"]], ids=["no jars", "no java"])
def test_a_cluster_that_cannot_be_started(bare, tmp_path, there):
    module = flink.module()
    for name in there:
        (tmp_path / name).touch()
    words = "there is no java to run Flink with" if there else "has no job-server.jar; run: make flink"
    with pytest.raises(EngineError, match=words), module.Cluster(tmp_path, module.Settings(jars=tmp_path)):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"bin", *there}


def test_what_flink_is_opened_is_what_its_job_server_is(tmp_path):
    module = flink.module()
    opened = [flag for flag in module.Cluster(tmp_path)._flink("Main") if flag.startswith("--add-opens=")]
    assert "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED" in opened
    assert len(opened) == 12


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_flink_asks_before_it_removes_anything(request, tmp_path):
    make = shutil.which("make")
    assert make
    request.getfixturevalue("bare")
    for name in ("engines/flink/pom.xml", "engines/flink/cluster/pom.xml", "engines/flink/job-server/pom.xml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "build" / "flink").mkdir(parents=True)
    command = [make, "--file", str(flink.ROOT / "Makefile"), "flink"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 2
    assert process.stderr.splitlines()[0] == "make flink needs a JDK, 17 say, and Maven: there is no javac"
    assert (tmp_path / "build" / "flink").is_dir()
