"""MLflow's own callback for Keras logs a training of ours: no code for MLflow is needed here."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.release

TRAIN = """
import json, sys
import mlflow
import seq2seq_arith as sa
from mlflow.keras import MlflowCallback

mlflow.set_tracking_uri("file://" + sys.argv[2])
with mlflow.start_run() as logged:
    run = sa.train(
        sa.load("addition-n1003", data_dir=sys.argv[1]), recipe="notebook", model="simple_rnn", hidden=4,
        steps_per_epoch=2, epochs=2, run_dir="run", callbacks=[MlflowCallback(logged)],
    )
client = mlflow.MlflowClient()
losses = [entry.value for entry in client.get_metric_history(logged.info.run_id, "val_loss")]
found = mlflow.get_run(logged.info.run_id).data
print(json.dumps([losses, found.metrics, found.params, run.history]))
"""


def test_its_callback_logs_every_epoch(data_dir, tmp_path):
    """MLflow and what it needs are in a folder beside the environment, in whose lock it has no place."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    (folder / "constraints").write_text(f"protobuf=={importlib.metadata.version('protobuf')}\n")
    install = [sys.executable, "-m", "pip", "install", "--quiet", f"--target={folder}", "--upgrade"]
    subprocess.run([*install, "--constraint", folder / "constraints", "mlflow-skinny>=3.1,<4"], check=True)
    paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "MLFLOW_ALLOW_FILE_STORE": "true"}
    command = [sys.executable, "-c", TRAIN, str(data_dir), str(tmp_path / "store")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    losses, metrics, parameters, history = json.loads(done.stdout.splitlines()[-1])
    assert losses == [row["val_loss"] for row in history]
    for name in ("loss", "exact_match", "character_accuracy", "val_exact_match", "val_character_accuracy"):
        assert metrics[name] == history[-1][name]
    assert parameters["optimizer_name"] == "adam"
