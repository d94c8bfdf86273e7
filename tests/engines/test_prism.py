"""Prism, Beam's own runner in Go: the local runner's files, byte for byte, and clear words when something is wrong."""

import concurrent.futures
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from clusters import blocks
from programs import ends_as_told, files, found, run, without_lock

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="Prism is a Go program, and there is no go to build it"
)

ROOT = Path(__file__).resolve().parents[2]

Generate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def generate() -> Generate:
    """``arith-data generate`` on Prism, which is built first."""
    built = subprocess.run(["make", "prism"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert built.returncode == 0, built.stderr
    location = ROOT / "build" / "prism" / "prism"

    def generated(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
        return run("generate", *arguments, "--runner=PrismRunner", f"--prism_location={location}", **options)

    return generated


@pytest.mark.release
def test_the_page_word_for_word(generate, tmp_path):
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
def test_the_same_bytes_of_a_million(generate, tmp_path):
    """Many chunks and shards, nearly all of whose short numbers are duplicates."""
    arguments = ["addition", "--digits=6", "--num-examples=1000000", "--num-shards=50"]
    process = generate(*arguments, "--data-dir", tmp_path / "prism")
    assert process.returncode == 0, process.stderr
    run("generate", *arguments, "--data-dir", tmp_path / "local", check=True)
    assert files(tmp_path / "prism") == files(tmp_path / "local")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 20 megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", disk], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mount.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.release
def test_a_step_that_fails_is_named_and_nothing_is_left(generate, small_disk):
    """On a disk that fills up while the run goes on."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            generate, "subtraction", "--no-parquet", "--num-examples=200000", "--data-dir", small_disk
        )
        while not running.done() and not found(small_disk, "*.incomplete-*"):
            time.sleep(0.002)
        (small_disk / "filler").write_bytes(bytes(19 * 2**20))
        process = running.result()
    assert (process.returncode, process.stdout) == (1, "")
    # Beam's workers, and Prism, write what they think to stderr themselves, at any time.
    said = [line for line in process.stderr.splitlines() if line.startswith("arith-data: ")]
    assert len(said) == 1
    assert ends_as_told(said[0], "could not be written: No space left on device")
    assert list(without_lock(small_disk)) == ["filler"]
