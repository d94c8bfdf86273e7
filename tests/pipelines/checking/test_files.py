"""Descriptors that send a reader elsewhere, with every checksum made right: ``verify`` and ``fetch`` refuse them."""

import json
import shutil

import pytest
from programs import run_here, without_lock
from rewriting import TASK, rewritten

from seq2seq_arith.base import files
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.default_config import NAMES_DEFAULT, default_path

INFO, FEATURES = "dataset_info.json", "features.json"
TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
ELSEWHERE = f"../../../../wrong/seq2seq_arith/addition-n40-s9/1.0.0/{TEMPLATE}"


def in_info(**entries):
    return lambda info: info.update(entries)


FORGED = {
    "another template": (INFO, lambda info: [split.update(filepathTemplate=ELSEWHERE) for split in info["splits"]]),
    "negative lengths": (INFO, lambda info: info["splits"][0].update(shardLengths=["-5", "60", "53"])),
    "other shards": (INFO, lambda info: info["splits"][0].update(shardLengths=["108"])),
    "one entry more": (INFO, in_info(more=1)),
    "a class to import": (FEATURES, in_info(pythonClassName="evil.X")),
    "a name elsewhere": ("metadata.json", lambda of: of["files"].update({"../../x": of["files"].pop(FEATURES)})),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_descriptor(right, tmp_path, name):
    directory = shutil.copytree(right, tmp_path / "seq2seq_arith" / TASK.config_name / "1.0.0")
    files.write_atomically(default_path(directory.parents[1]), NAMES_DEFAULT)
    file, change = FORGED[name]
    content = json.loads((directory / file).read_text())
    change(content)
    (directory / file).write_text(json.dumps(content, indent=2))
    rewritten(directory)
    for quick in (False, True):
        (problem,) = verify(directory, quick).problems
        assert problem.startswith(f"{directory / file}: ")
    process = run_here("fetch", directory, tmp_path / "here")
    assert process.returncode == 2
    assert process.stderr.startswith(f"arith-data: {directory / file}: ")
    assert without_lock(tmp_path / "here") == {}
