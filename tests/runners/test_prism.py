"""Prism, Beam's own runner in Go: the local runner's files, byte for byte, and clear words when something is wrong."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from clusters import blocks
from layout import ROOT
from programs import files, run

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="Prism is a Go program, and there is no go to build it"
)


@pytest.fixture(scope="session")
def prism() -> Path:
    """The program, which is built first."""
    built = subprocess.run(["make", "prism"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert built.returncode == 0, built.stderr
    return ROOT / "build" / "prism" / "prism"


@pytest.mark.release
def test_the_page_word_for_word(prism, tmp_path):
    """Its second block runs Prism in a network of its own, where no other machine can reach its port."""
    if subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True).returncode:
        pytest.skip("this user, or this container, may make no network namespace")
    (tmp_path / "build").symlink_to(ROOT / "build")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    _, alone = blocks("Prism")
    process = subprocess.Popen(
        ["bash", "-e", "-c", alone], cwd=tmp_path, env={**os.environ, "PATH": path}, text=True, stderr=subprocess.PIPE
    )
    networks = set()
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                if child.name() == "prism":
                    networks.add(Path(f"/proc/{child.pid}/ns/net").readlink())
        time.sleep(0.05)
    assert process.returncode == 0, process.communicate()[1]
    assert len(networks - {Path("/proc/self/ns/net").readlink()}) == len(networks) == 1
    run("generate", "addition", "--data-dir", tmp_path / "local", check=True)
    assert files(tmp_path / "data") == files(tmp_path / "local")


@pytest.mark.slow
def test_the_same_bytes_of_a_million(prism, tmp_path):
    """Many chunks and shards, nearly all of whose short numbers are duplicates."""
    arguments = ["addition", "--digits=6", "--num-examples=1000000", "--num-shards=50"]
    on_prism = ["--runner=PrismRunner", f"--prism_location={prism}", "--data-dir", tmp_path / "prism"]
    process = run("generate", *arguments, *on_prism)
    assert process.returncode == 0, process.stderr
    run("generate", *arguments, "--data-dir", tmp_path / "local", check=True)
    assert files(tmp_path / "prism") == files(tmp_path / "local")
