"""The launchers of trainings on several machines: what they give each machine, without Slurm or Kubernetes."""

import json
import os
import subprocess

import pytest
import yaml
from layout import ROOT

FOLDER = ROOT / "runners" / "trainer"
PROGRAMS = {
    "arith-model": 'echo "$TF_CONFIG"',
    "scontrol": "printf 'host0\\nhost1\\n'",
    "srun": 'shift 2; for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@"; done',
}

SLURM = {"SLURM_JOB_NODELIST": "host[0-1]", "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "32"}


def installed(folder, programs):
    """The environment of a task of Slurm, with programs of these names and lines first on the path."""
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{line}\n")
        (folder / name).chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", **SLURM}


def pod(index):
    jobset = yaml.safe_load((FOLDER / "jobset.yaml").read_text())
    (job,) = jobset["spec"]["replicatedJobs"]
    assert job["template"]["spec"]["completions"] == job["template"]["spec"]["parallelism"] == 2
    (container,) = job["template"]["spec"]["template"]["spec"]["containers"]
    return ["env", f"JOB_COMPLETION_INDEX={index}", *container["command"], *container["args"]]


@pytest.mark.parametrize(
    ("commands", "machines"),
    [
        ([["bash", FOLDER / "slurm.sh"]], ["host0:2222", "host1:2222"]),
        ([pod(0), pod(1)], ["arith-worker-0-0.arith:2222", "arith-worker-0-1.arith:2222"]),
    ],
    ids=["slurm", "jobset"],
)
def test_each_machine_gets_all_addresses_and_its_number(tmp_path, commands, machines):
    environment = installed(tmp_path, PROGRAMS)
    outputs = [subprocess.check_output(command, env=environment, text=True).splitlines() for command in commands]
    assert [json.loads(line) for lines in outputs for line in lines] == [
        {"cluster": {"worker": machines}, "task": {"type": "worker", "index": index}} for index in (0, 1)
    ]


@pytest.mark.parametrize(
    ("code", "restarts", "again"),
    [(0, 0, ""), (1, 0, ""), (2, 0, ""), (130, 0, ""), (75, 0, "requeue 7\n"), (137, 9, "requeue 7\n"), (137, 10, "")],
)
def test_slurm_starts_again_what_may_succeed_later(tmp_path, code, restarts, again):
    """A lost process (137), and what the others return then (75), up to ten times; not a wrong option or a stop."""
    programs = {"scontrol": 'if [ "$1" = requeue ]; then echo "$@"; fi', "srun": f"exit {code}"}
    environment = installed(tmp_path, programs) | {"SLURM_RESTART_COUNT": str(restarts)}
    done = subprocess.run(["bash", FOLDER / "slurm.sh"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, again)


def test_without_the_names_of_the_machines_slurm_starts_nothing(tmp_path):
    programs = {"scontrol": "exit 1", "srun": f"touch {tmp_path}/started"}
    environment = installed(tmp_path, programs)
    assert subprocess.run(["bash", FOLDER / "slurm.sh"], env=environment, check=False).returncode == 1
    assert not (tmp_path / "started").exists()
