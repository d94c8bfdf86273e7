"""Messages on a machine without Flink and Spark, and without the programs that build them or run them."""

import re
import shlex
import shutil
import subprocess
import sys

import clusters
import pytest

from seq2seq_arith.base.errors import RunnerError

RUNNERS = ("flink", "spark")
MAKE = shutil.which("make")


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without Java and Maven, but with a shell."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    monkeypatch.setenv("PATH", str(programs))


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("files", [[], ["job-server.jar"]], ids=["no jars", "no java"])
def test_a_cluster_that_cannot_be_started(bare, tmp_path, runner, files, input_error):
    module = clusters.module(runner)
    for name in files:
        (tmp_path / name).touch()
    with input_error(RunnerError), module.Cluster(tmp_path, jars=tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"bin", *files}


def test_settings_with_which_flink_does_not_start(bare, tmp_path, input_error):
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'the sum of the sizes exceeds the total' >&2\nexit 1\n")
    java.chmod(0o755)
    cluster = clusters.module("flink").Cluster(tmp_path, jars=tmp_path)
    with input_error(RunnerError):
        cluster._start_flink("job-manager", "JM", "Main")
    assert not cluster.processes


@pytest.mark.parametrize("command", [["true"], ["sleep", "60"]], ids=["a process ended", "too slow"])
def test_a_cluster_that_does_not_come_up(tmp_path, command, input_error):
    module = clusters.module("flink")
    cluster = module.Cluster(tmp_path, start_seconds=0)
    with subprocess.Popen(command, start_new_session=True) as process:
        if command == ["true"]:
            process.wait()
        cluster.processes["member-0"] = process
        with input_error(RunnerError):
            cluster._wait_until_up()
        cluster.stop()


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_page_types_the_flags_of_a_cluster(tmp_path, runner):
    flags = [
        re.sub(r"=localhost:\d+$", "=localhost:PORT", flag) for flag in clusters.module(runner).Cluster(tmp_path).flags
    ]
    typed_paths = {f"={sys.prefix}/": "=$PWD/.venv/", f"={clusters.ROOT}/": "=$PWD/"}
    for path, typed in typed_paths.items():
        flags = [flag.replace(path, typed) for flag in flags]
    assert clusters.typed_flags(runner.capitalize()) == flags
    first, _, jar, *same = clusters.own_flags(runner.capitalize(), "HOST:1", flags)
    assert (first, same) == (f"--runner={runner.capitalize()}Runner", flags[2:-1]) and jar.endswith("/job-server.jar")


def test_what_a_cluster_prints_can_be_typed(tmp_path, monkeypatch, capsys):
    module = clusters.module("spark")
    monkeypatch.setattr(module.Cluster, "__enter__", lambda self: self)
    monkeypatch.setattr(module.Cluster, "wait", lambda self: None)
    monkeypatch.setattr(sys, "argv", ["cluster.py", f"--folder={tmp_path}", f"--jars={tmp_path}/a b"])
    assert module.main(module.Cluster, "") == 0
    assert shlex.split(capsys.readouterr().out)[-1] == f"--files_to_stage={tmp_path}/a b/servers.jar"


@pytest.mark.skipif(MAKE is None, reason="there is no make")
@pytest.mark.parametrize("runner", RUNNERS)
def test_make_asks_before_it_removes_anything(bare, tmp_path, runner):
    for name in ("runners/pom.xml", f"runners/{runner}/pom.xml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "build" / runner).mkdir(parents=True)
    command = [MAKE, "--file", str(clusters.ROOT / "Makefile"), runner]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode == 2
    assert process.stderr.splitlines()[0] == f"make {runner} needs a JDK, 17 say, and Maven: there is no javac"
    assert (tmp_path / "build" / runner).is_dir()
