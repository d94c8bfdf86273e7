"""The card of the datasets in a directory: what it says, and that Hugging Face reads it."""

import json
from pathlib import Path

import programs
import pytest
import stored
import yaml
from layout import OWN_TASKS
from processes import emptied

from seq2seq_arith.base import process
from seq2seq_arith.pipelines import create

pytestmark = pytest.mark.usefixtures("copied")
DATASETS = {
    "addition-n200": ["addition", "--num-examples=200", "--num-shards=2"],
    "addition-n150-s1": ["addition", "--num-examples=150", "--seed=1", "--num-shards=2", "--no-parquet"],
    "pq-d9-n20": ["pq", "--digits=9", "--num-examples=20", "--num-shards=2", "--parquet-written"],
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """Three datasets, one of them without Parquet, one of a task whose file is not named, and their card."""
    folder = tmp_path_factory.mktemp("card") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(create, "write_dataset", stored.copy)
        for arguments in DATASETS.values():
            assert programs.run_here("generate", *arguments, f"--data-dir={folder}").returncode == 0
        own = "generate", "sort", "--num-examples=100", "--task-file", OWN_TASKS
        current = process.current()
        for words in ((*own, f"--data-dir={folder}"), ("card", folder)):
            with emptied(current.tasks, current.task_versions):
                result = programs.run_here(*words)
    assert (result.returncode, result.stderr.count("left out: "), result.stderr.count("\n")) == (0, 1, 1)
    assert result.stdout == f"{folder / 'seq2seq_arith/README.md'}\n"
    return folder


def about(data_dir: Path) -> dict:
    """The YAML of the card."""
    _, metadata, _ = (data_dir / "seq2seq_arith/README.md").read_text().split("---\n", 2)
    return yaml.safe_load(metadata)


def test_it_names_the_datasets_with_parquet_and_one_default(data_dir):
    configs = about(data_dir)["configs"]
    assert [config["config_name"] for config in configs] == ["addition-n200", "pq-d9-n20"]
    assert [config.get("default", False) for config in configs] == [True, False]
    folders = [Path(config["data_files"][0]["path"]).parent.name for config in configs]
    assert folders == ["parquet", "parquet_written"]  # which has all that the other one has
    for config in configs:
        for files in config["data_files"]:
            assert len(list((data_dir / "seq2seq_arith").glob(files["path"]))) == 2


def test_it_says_what_the_hub_shows(data_dir):
    metadata = about(data_dir)
    assert (metadata["language"], metadata["size_categories"]) == (["zxx"], ["n<1K"])
    columns = [[feature["name"] for feature in info["features"]] for info in metadata["dataset_info"]]
    assert columns == [["question", "answer"], ["question", "answer", "written"]]
    assert metadata["dataset_info"][1]["splits"] == [
        {"name": "train", "num_examples": 18},
        {"name": "validation", "num_examples": 2},
    ]


@pytest.mark.parametrize("place", ["nothing", "gs://bucket/data"])
def test_without_datasets(place, tmp_path, input_error):
    result = programs.run_here("card", place if "://" in place else tmp_path / place)
    assert result.returncode == 2
    input_error.printed(result.stderr)


def test_the_file_of_another_is_kept(tmp_path):
    assert programs.run_here("generate", "pq", "--digits=5", f"--data-dir={tmp_path}").returncode == 0
    mine = tmp_path / "seq2seq_arith" / "README.md"
    mine.write_text("mine")
    result = programs.run_here("card", tmp_path)
    assert result.returncode == 2
    assert "move it away first" in result.stderr
    assert mine.read_text() == "mine"


HUGGING_FACE = """
import json, sys
import datasets
path, options = sys.argv[1], {"cache_dir": sys.argv[2], "verification_mode": "all_checks"}
default = datasets.load_dataset(path, **options)
other = datasets.load_dataset(path, "pq-d9-n20", **options)
streamed = datasets.load_dataset(path, split="validation", streaming=True)
batch = next(iter(default["train"].to_tf_dataset(batch_size=4)))
array = default["train"].with_format("numpy")[:4]["question"]
from huggingface_hub import DatasetCard
alone = datasets.load_dataset(path + "/pq-d9-n20/1.0.0", split="validation", cache_dir=sys.argv[2])
card = DatasetCard.load(path + "/README.md")
print(json.dumps([
    datasets.get_dataset_config_names(path),
    {split: rows.num_rows for split, rows in default.items()},
    {split: rows.num_rows for split, rows in other.items()},
    len(list(streamed)), len(batch["question"]), list(array) == default["train"]["question"][:4],
    len(alone), card.data.license, {len(question) for question in other["train"]["question"]} == {19},
    [question.strip() for question in other["train"]["question"]] == list(other["train"]["written"]),
]))
"""


@pytest.mark.slow
def test_hugging_face_reads_one_dataset_and_never_a_mixture(data_dir, tmp_path):
    offline = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    printed = programs.python(HUGGING_FACE, data_dir / "seq2seq_arith", tmp_path, cwd=tmp_path, **offline)
    assert json.loads(printed.splitlines()[-1]) == [
        ["addition-n200", "pq-d9-n20"],
        {"train": 180, "validation": 20},
        {"train": 18, "validation": 2},
        *(20, 4, True, 2, "apache-2.0", True, True),
    ]
