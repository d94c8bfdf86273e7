"""Datasets of one's own tasks, as ``arith-data`` makes them from a file."""

import json
import re
import shutil

import pytest
import reference
import stored
from layout import OWN_TASKS, ROOT, TIMES_DIGIT
from programs import run_here
from reference import rows_sha256
from rewriting import rewritten, rows, write_both

from seq2seq_arith.arithmetic import own_tasks, text
from seq2seq_arith.arithmetic.operations import FURTHER
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.checking import independent
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, FEATURES, METADATA, Layout
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.formats.metadata import metadata_of, read_metadata
from seq2seq_arith.pipelines.showing import sample

DRAWN = (*FURTHER, "sort")  # whose examples never change
VECTORS = re.findall(
    rf"^\| `((?:{'|'.join(DRAWN)})[\w-]*)` \| ([\d,]+) \| `(\w+)` \| `(\w+)` \|$",
    (ROOT / "docs/reference/test-vectors.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def measured(task: Task) -> tuple[str, ...]:
    """The vector of a task, as the pipeline makes it: draws used, and the sha256 of the rows of each split."""
    examples = sample.draw(task)
    sides = (text.to_strings(side) for side in (examples.questions, examples.answers))
    pairs = list(zip(*sides, strict=True))
    return f"{examples.draws_used:,}", rows_sha256(pairs[: task.num_train]), rows_sha256(pairs[task.num_train :])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_the_vectors_of_the_page(vector, no_custom_tasks):
    """The examples as the pipeline makes them, and as plain Python does; it has no answers of tasks of one's own."""
    name, draws_used, *digests = vector
    own_tasks.use(OWN_TASKS)
    task = Task.from_name(name)
    examples = sample.draw(task)
    assert measured(task) == (draws_used, *digests)
    if independent.is_solved(task):
        expected = reference.dataset(task)
        assert expected.draws_used == examples.draws_used
        assert [rows_sha256(expected.rows(split)) for split in reference.SPLITS] == digests


def test_all_vectors_are_on_the_page():
    missing = sorted({*DRAWN} - {name.partition("-")[0] for name, *_ in VECTORS})
    rows = [" | ".join([f"| `{name}`", *map("`{}`".format, measured(Task(name)))]) for name in missing]
    assert not missing, "docs/reference/test-vectors.md lacks a vector (draws used without quotes):\n" + "\n".join(rows)
    assert len(VECTORS) == len(DRAWN)


VOWELS = """
class Vowels(sampling.Sampler):
    def words_per_draw(self, size, arity=2):
        return size

    def operands(self, size, words, arity=2):
        drawn = [np.array([1, 5, 9, 15, 21], np.uint8)[uniform(words[place], 5).astype(int)] for place in range(size)]
        return (letters.pack(np.stack(drawn, axis=1), size),)

    def num_values(self, size):
        return 5**size

    def values(self, size):
        return np.array([5.0**size]), np.array([5.0**-size])


"""


@pytest.mark.parametrize("letters", [4, 15])
def test_a_way_of_drawing_of_ones_own_is_verified_and_named(tmp_path, letters, no_custom_tasks):
    own, content = tmp_path / "mine.py", OWN_TASKS.read_text()
    before, after = content.replace('"fixed": sampling.FIXED_LETTERS', '"vowels": Vowels()').split("OPERATIONS =")
    own.write_text(f"{before}{VOWELS}OPERATIONS ={after}")
    own_tasks.use(own)
    task = Task("sort", size=letters, num_examples=100, draws="vowels")
    stored.make(task, Layout.from_task(task, 2), tmp_path)
    checked = verify(dataset_path(tmp_path, task))
    assert checked.problems == []
    assert checked.summary == (
        "11 files and 100 examples are as they should be; all of them were written again in plain Python, but without "
        "an independent check of the operands and answers, which the task's own code computes"
    )


def test_a_dataset_is_read_only_with_its_file(tmp_path, no_custom_tasks):
    own = tmp_path / "mine.py"
    shutil.copy(OWN_TASKS, own)
    generate = "generate", "fraction", "--digits", 2, "--num-examples", 100, "--task-file", own, "--data-dir", tmp_path
    assert run_here(*generate).returncode == 0
    directory = tmp_path / "seq2seq_arith/fraction-d2-n100/1.0.0"
    assert read_metadata(directory)["parameters"]["code_sha256"] == own_tasks.find("fraction").sha256
    divided = [[*map(int, row[0].split("/")), *map(int, row[1].split("/"))] for row in rows(directory, "train")]
    assert all(left % 6 == right % 6 == 0 and left * below == right * above for left, right, above, below in divided)

    def verified(*words):
        no_custom_tasks()
        done = run_here("verify", directory, *words)
        return done.returncode, done.stdout + done.stderr

    assert verified("--task-file", own)[0] == 0
    code, message = verified()
    assert code == 1
    assert "--task-file FILE.py" in message
    for command in ("show", directory), ("fetch", directory, tmp_path / "copy"):
        assert run_here(*command).stderr.endswith("add: --task-file FILE.py\n")
    wrong = OWN_TASKS.read_text().replace(
        "return Solved(letters.pack(np.where(ordered", "return Solved((np.where(ordered"
    )
    own.write_text(wrong)
    code, message = verified("--task-file", own)
    assert code == 2
    assert "arith-data: " in message
    assert f"{own}, line " in message
    own.write_text(OWN_TASKS.read_text() + "\n")
    code, message = verified("--task-file", own)
    assert code == 1
    assert "it has changed" in message
    done = run_here(*generate)
    assert done.returncode == 2
    assert f"was made with another version of {own}; give --overwrite to replace it" in done.stderr
    assert run_here(*generate, "--overwrite").returncode == 0
    assert verified("--task-file", own)[0] == 0


def test_of_a_drawing_that_counts_too_many_pairs_all_are_found(tmp_path, no_custom_tasks):
    own_tasks.use(TIMES_DIGIT)
    task = Task("times_digit", size=3, num_examples=9990)
    assert sample.draw(task).draws_used == 222_244
    layout = Layout.from_task(task)
    files = dict.fromkeys([*(name for *_, name in layout.shard_files()), DATASET_INFO, FEATURES], "")
    (tmp_path / METADATA).write_text(json.dumps(metadata_of(task, layout, 222_244, files)))
    assert read_checked(tmp_path)[0] == task  # so many are nothing to be refused


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda right: [(right[0][0], right[0][1][::-1]), *right[1:]], "row 0: the answer is wrong"),
        (lambda right: [right[1], right[0], *right[2:]], "row 0: is not the example that the parameters give"),
        (lambda right: [(right[0][0].upper(), right[0][1]), *right[1:]], "row 0: the question is not of the alphabet"),
        (
            lambda right: [("ab cdef", right[0][1]), *right[1:]],
            "row 0: is not the example that the parameters give here",
        ),
    ],
)
def test_a_wrong_row_is_found(tmp_path, no_custom_tasks, change, complaint):
    """With all checksums made right."""
    own_tasks.use(OWN_TASKS)
    task = Task("sort", size=7, num_examples=100, draws="fixed")
    stored.make(task, Layout.from_task(task, 3), tmp_path)
    directory = dataset_path(tmp_path, task)
    assert verify(directory).summary.endswith("check of the answers, which the task's own code computes")
    write_both(directory, "train-00000", change(rows(directory, "train-00000")))
    rewritten(directory)
    problems = verify(directory).problems
    assert len(problems) == 2
    assert all(complaint in problem for problem in problems)


@pytest.mark.parametrize(
    "words",
    [
        ("suite", "fraction"),
        ("generate", "sort", "--draws", "structured", "--data-dir", "d"),
        ("generate", "sort", "--digits", "500", "--data-dir", "d"),
        ("show", "sort", "--one-hot", "ab1"),
        ("show", "sort", "--one-hot", "abcdef"),
        ("show", "addition_of_three", "--one-hot", "1+2"),
        ("show", "sort", "--modulus", "7"),
        ("show", "times_digit", "--digits", "2", "--num-examples", "1500"),
    ],
    ids=" ".join,
)
def test_input_errors(words, no_custom_tasks, input_error):
    done = run_here(*words, "--task-file", TIMES_DIGIT if "times_digit" in words else OWN_TASKS)
    assert done.returncode == 2
    input_error.printed(done.stderr)
