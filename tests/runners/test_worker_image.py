"""The worker's image, as far as it goes without a container runner: its lines run in an empty environment, then work.

The environment has Beam, as the base image has, and what the Dockerfile adds; a pool of its workers serves a job.
"""

import os
import re
import shlex
import shutil
import subprocess
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
from layout import ROOT
from programs import files, run
from worker_pools import worker_pool

pytestmark = pytest.mark.slow

DOCKERFILE = ROOT / "runners" / "worker" / "Dockerfile"


def steps(name: str) -> list[str]:
    """The arguments of one of the Dockerfile's instructions, wherever it stands."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the image's lines have run."""
    root = tmp_path_factory.mktemp("image")
    venv.create(root / "venv", with_pip=True)
    environment = os.environ | {"PATH": f"{root / 'venv' / 'bin'}:{os.environ['PATH']}"}

    def shell(command: str) -> None:
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr

    shell(f"pip install --quiet apache-beam=={version('apache-beam')}")
    for arguments in steps("COPY"):
        *sources, target = (part for part in shlex.split(arguments))
        inside = root / target.lstrip("/")
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, inside, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                destination = inside / Path(source).name if target.endswith("/") else inside
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, destination)
    for command in steps("RUN"):
        shell(command.replace("/opt/", f"{root}/opt/"))
    return root / "venv"


def test_the_base_image_is_of_our_beam():
    assert steps("FROM") == ["apache/beam_python${PYTHON}_sdk:${BEAM}"]
    assert f"BEAM={version('apache-beam')}" in steps("ARG")


@pytest.mark.parametrize("task", ["addition", "pq"])
def test_workers_of_the_image_make_the_same_bytes(image, tmp_path, task):
    python = [image / "bin" / "python", "-c", "import pyarrow; print(pyarrow.__version__)"]
    installed = subprocess.run(python, capture_output=True, text=True, check=True).stdout.strip()
    # Parquet's bytes are the same for one version of PyArrow only.
    parquet = [] if installed == version("pyarrow") else ["--no-parquet"]
    with worker_pool(image / "bin" / "python") as port:
        process = run(
            "generate", task, "--num-examples=20000", *parquet, "--data-dir", tmp_path / "image",
            "--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{port}",
        )  # fmt: skip
    assert process.returncode == 0, process.stderr
    run("generate", task, "--num-examples=20000", *parquet, "--data-dir", tmp_path / "local", check=True)
    assert files(tmp_path / "image") == files(tmp_path / "local")


def test_the_context_has_what_is_copied():
    ignored = (ROOT / "runners" / "worker" / "Dockerfile.dockerignore").read_text()
    for arguments in steps("COPY"):
        for source in shlex.split(arguments)[:-1]:
            assert f"\n!{source}\n" in ignored
