"""Workers that do not have the packages of the program that submits."""

import sys
from importlib.metadata import version

import pytest
from programs import run, without_lock
from worker_pools import worker_pool

from seq2seq_arith import __version__
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.steps import job, pipeline
from seq2seq_arith.pipelines.steps.cutoff import Windows
from seq2seq_arith.pipelines.storage.staging import REPORT, StagedDirectory

# Python reads this module of a worker first.
OTHER = """
import importlib.metadata
installed = importlib.metadata.version
importlib.metadata.version = lambda name: "0.1" if name == "pyarrow" else installed(name)
"""


@pytest.mark.parametrize(
    ("formats", "packages"),
    [(["tfrecord"], []), (["tfrecord", "parquet", "array_record"], ["pyarrow", "array-record"])],
)
def test_what_must_be_the_same(formats, packages):
    versions = job.package_versions(formats)
    program = {"seq2seq_arith": f"{__version__} (code {job.code_version()})"}
    assert versions == program | {name: version(name) for name in ("apache-beam", *packages)}
    job.check_worker(tuple(versions.items()), tuple(formats))


@pytest.mark.parametrize("versions", [{"pyarrow": "2"}, {}], ids=["another version", "missing"])
def test_what_is_not_is_named(versions, input_error, monkeypatch):
    monkeypatch.setattr(job, "package_versions", lambda formats: versions)
    with input_error(InputError):
        job.check_worker((("pyarrow", "1"),), ())


@pytest.mark.parametrize("step", ["chunks", "draw", "deduplicate", "write"])
def test_each_step_looks_at_its_process(tmp_path, step):
    """The steps of a job may run on hosts of which only some were updated. The program that waits is told."""
    other = job.Job(
        task=(task := Task(num_examples=100)),
        layout=Layout(1),
        staging=StagedDirectory(tmp_path),
        num_draws=100,
        windows=Windows.around(task),
        versions={"pyarrow": "0.1"},
    )
    arguments = {"chunks": [b""], "draw": [(0, 100)], "deduplicate": [(0, [])], "write": [(0, b""), None]}[step]
    calls = [lambda: getattr(pipeline, step)(other, *arguments), lambda: job.read_report(tmp_path / REPORT)]
    for call in calls:
        with pytest.raises(InputError, match="the workers have pyarrow"):
            call()


def test_another_checkout_of_the_same_version(tmp_path, monkeypatch):
    """Its code differs in one character, or in the name of one file."""
    original, changed, renamed = ("module.py", "x = 1"), ("module.py", "x = 2"), ("other.py", "x = 1")
    seen = {}
    for name, (file, content) in {"here": original, "there": changed, "same": original, "renamed": renamed}.items():
        (folder := tmp_path / name).mkdir()
        (folder / file).write_text(content)
        monkeypatch.setattr("importlib.resources.files", lambda package, folder=folder: folder)
        job.code_version.cache_clear()
        seen[name] = job.code_version()
    job.code_version.cache_clear()
    assert seen["here"] == seen["same"]
    assert len(set(seen.values())) == 3


@pytest.mark.slow
@pytest.mark.parametrize("formats", [[], ["--no-parquet"]], ids=["with Parquet", "without"])
def test_workers_of_another_pyarrow(tmp_path, formats):
    """Refused before anything is drawn; unless no file has bytes that depend on it."""
    (tmp_path / "sitecustomize.py").write_text(OTHER)
    flags = [*formats, "--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=EXTERNAL"]
    with worker_pool(sys.executable, PYTHONPATH=str(tmp_path)) as port:
        flags.append(f"--environment_config=localhost:{port}")
        process = run("generate", "addition", "--num-examples=20000", "--data-dir", tmp_path / "data", *flags)
    assert process.returncode == (0 if formats else 2), process.stderr
    if process.returncode:
        refused = f"the workers have pyarrow 0.1, and this program has {version('pyarrow')}; give them the same"
        assert process.stderr.splitlines()[-1].startswith(f"arith-data: {refused}")
        assert without_lock(tmp_path / "data") == {}
