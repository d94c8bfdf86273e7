"""Reads a finished dataset back and checks it without trusting what wrote it.

Records are unframed by the CRC library and parsed by protobuf, strings are checked and solved by PyArrow, and the
examples are drawn again by other code, so none of the pipeline's own functions vouches for itself.
"""

import dataclasses
import functools
import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from seq2seq_arith.pipelines import coverage, stores
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.publish import DATASET_INFO, FEATURES, METADATA, layout_of, read_metadata
from seq2seq_arith.pipelines.redraw import Examples, redraw
from seq2seq_arith.pipelines.shards import SPLITS, Layout
from seq2seq_arith.pipelines.stores import AnyPath
from seq2seq_arith.pipelines.tasks import PAD, Task


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a check found.

    Attributes:
      problems: A sentence each, naming the file and, where there is one, the row (from 0).
      summary: What was checked, if all is well.
    """

    problems: list[str]
    summary: str = ""


class Problem(Exception):
    """What is wrong with one file."""


def verify(directory: AnyPath) -> Findings:
    """Checks everything that can be checked of a dataset's directory, or of its prefix in a store.

    Each file is read once, and one at a time.

    Raises:
      InputError: There is no dataset to check.
      StoreError: The store fails.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is no directory; give DATA_DIR/seq2seq_arith/CONFIG/1.0.0")
    if not (directory / METADATA).is_file():
        raise InputError(f"{directory} has no {METADATA}; give DATA_DIR/seq2seq_arith/CONFIG/1.0.0")
    try:
        task, layout, metadata = read_checked(directory)
    except Problem as problem:
        return Findings([f"{directory / METADATA}: {problem}"])
    digests = metadata["files"]
    present = set(stores.sizes(directory))
    problems = [f"{directory / path}: is missing" for path in sorted(set(digests) - present)]
    surplus = sorted(present - set(digests) - {METADATA})
    problems += [f"{directory / path}: does not belong to the dataset" for path in surplus]
    for name in {DATASET_INFO, FEATURES} & present:
        try:
            problems += _digest_problems(directory / name, (directory / name).read_bytes(), digests[name])
        except OSError as error:  # a link that leads nowhere, or a file that was removed meanwhile
            problems.append(f"{directory / name}: cannot be read ({error.strerror or error})")
    expected, more = _expected(task, layout, directory, metadata["draws_used"])
    problems += more
    for split, shard, path in _shard_files(layout):
        if path in present:
            examples = expected[split][shard] if expected else None
            problems += _shard_problems(task, directory / path, digests[path], examples)
    return Findings(problems, f"{len(digests) + 1} files and {task.num_examples:,} examples are as they should be")


def _shard_files(layout: Layout) -> Iterator[tuple[str, int, str]]:
    """Split, shard and name of every file with examples."""
    for split in SPLITS:
        for shard in range(layout.num_shards):
            for path in layout.paths(split, shard):
                yield split, shard, path


def _expected(
    task: Task, layout: Layout, directory: AnyPath, draws_used: int
) -> tuple[dict[str, list[Examples]] | None, list[str]]:
    """The examples of each split and shard, drawn again, and what is wrong with the counts; None if too much is."""
    lengths = _shard_lengths(directory)
    wanted = {"train": task.num_train, "validation": task.num_validation}
    if {split: sum(counts) for split, counts in lengths.items()} != wanted:
        # What is as large as it says can be drawn again; what is not, may be far too large.
        return None, [f"{directory / DATASET_INFO}: does not count {wanted} examples"]
    expected = redraw(task, draws_used, layout.num_shards)
    if sum(len(left) for shards in expected.values() for left, _ in shards) != task.num_examples:
        return None, [f"{directory / METADATA}: draws_used does not give {task.num_examples} examples"]
    return expected, [
        f"{directory / DATASET_INFO}: counts other examples in the files of {split}"
        for split, shards in expected.items()
        if lengths[split] != [len(left) for left, _ in shards]
    ]


def read_checked(directory: AnyPath) -> tuple[Task, Layout, dict[str, Any]]:
    """What the metadata says, once it is known to be whole and to agree with itself.

    Raises:
      Problem: It is not.
    """
    metadata = read_metadata(directory)
    if metadata is None:
        raise Problem("is no JSON object")
    try:
        task = Task.from_parameters(metadata.get("parameters", {}))
        standing = layout_of(metadata)
        layout = Layout.of(task, standing.num_shards, standing.parquet)
        most_draws = 4 * coverage.num_draws(task) + 1000
    except InputError as error:
        raise Problem(str(error)) from None
    files = metadata.get("files")
    formats = 2 if layout.parquet else 1
    if not isinstance(files, dict) or len(files) != layout.num_shards * formats * len(SPLITS) + 2:
        raise Problem("its files are not those of its parameters")
    if set(files) != {*(path for _, _, path in _shard_files(layout)), DATASET_INFO, FEATURES}:
        raise Problem("its files are not those of its parameters")
    if not isinstance(draws := metadata.get("draws_used"), int) or not task.num_examples <= draws <= most_draws:
        raise Problem(f"draws_used is {draws!r}")
    derived = {
        "question_width": task.question_width,
        "answer_width": task.answer_width,
        "alphabet": task.alphabet,
        "duplicates": draws - task.num_examples,
        "splits": {"train": task.num_train, "validation": task.num_validation},
    }
    for name, value in derived.items():
        if metadata.get(name) != value:
            raise Problem(f"{name} is {metadata.get(name)!r}, not {value!r}")
    content = json.dumps({name: value for name, value in metadata.items() if name != "sha256"})
    if hashlib.sha256(content.encode()).hexdigest() != metadata.get("sha256"):
        raise Problem("its content does not have the sha256 that it states")
    try:
        text = (directory / METADATA).read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(f"cannot be read ({error.strerror or error})") from None
    if json.dumps(metadata) != text:
        raise Problem("is not written as it was published")
    return task, layout, metadata


def _digest_problems(file: AnyPath, data: bytes, digest: str) -> list[str]:
    if hashlib.sha256(data).hexdigest() == digest:
        return []
    return [f"{file}: does not have the sha256 that {METADATA} states"]


def _shard_lengths(directory: AnyPath) -> dict[str, list[int]]:
    """How many examples TFDS takes each file to have, by split; empty if that cannot be read."""
    try:
        splits = json.loads((directory / DATASET_INFO).read_text(encoding="utf-8"))["splits"]
        return {split["name"]: [int(length) for length in split["shardLengths"]] for split in splits}
    except InputError:  # of a store
        raise
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return {}


def _shard_problems(task: Task, file: AnyPath, digest: str, expected: Examples | None) -> Iterator[str]:
    """What is wrong with a file of examples; None expects any."""
    read = _read_parquet if file.suffix == ".parquet" else _read_tfrecord
    try:
        data = file.read_bytes()
        yield from _digest_problems(file, data, digest)
        if expected is None:
            return
        questions, answers = read(data)
        del data
        _check_alphabet(task, questions, answers)
        left, right = _parse(task, questions)
        _check_answers(task, left, right, answers)
        _check_examples(left, right, expected)
    except Problem as problem:
        yield f"{file}: {problem}"
    except InputError:  # of a store
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        yield f"{file}: cannot be read ({str(error).splitlines()[0]})"


def _read_tfrecord(data: bytes) -> tuple[pa.Array, pa.Array]:
    """Questions and answers of a TFRecord file."""
    questions, answers = [], []
    example_class = _example_class()
    position = 0
    while position < len(data):
        row = len(questions)
        header = data[position : position + 12]
        if len(header) < 12:
            raise Problem(f"row {row}: ends in the middle of a record")
        length, length_crc = struct.unpack("<QI", header)
        if _masked_crc(header[:8]) != length_crc:
            raise Problem(f"row {row}: its length has another checksum")
        end = position + 12 + length
        if end + 4 > len(data):
            raise Problem(f"row {row}: ends in the middle of a record")
        content = data[position + 12 : end]
        if _masked_crc(content) != struct.unpack("<I", data[end : end + 4])[0]:
            raise Problem(f"row {row}: its data has another checksum")
        try:
            features = example_class.FromString(content).features.feature
            (question,), (answer,) = features["question"].bytes_list.value, features["answer"].bytes_list.value
            questions.append(question.decode("ascii"))
            answers.append(answer.decode("ascii"))
        except (message.DecodeError, ValueError):
            raise Problem(f"row {row}: is no Example of one question and one answer") from None
        if set(features) != {"question", "answer"}:
            raise Problem(f"row {row}: has the features {sorted(features)}")
        position = end + 4
    return pa.array(questions, pa.string()), pa.array(answers, pa.string())


def _read_parquet(data: bytes) -> tuple[pa.Array, pa.Array]:
    """Questions and answers of a Parquet file."""
    table = pq.read_table(pa.BufferReader(data))
    table.validate(full=True)
    if [(field.name, field.type, field.nullable) for field in table.schema] != [
        ("question", pa.string(), False),
        ("answer", pa.string(), False),
    ]:
        raise Problem(f"its columns are {table.schema.to_string()!r}")
    questions, answers = (column.combine_chunks() for column in table.columns)
    return questions, answers


def _check_alphabet(task: Task, questions: pa.Array, answers: pa.Array) -> None:
    strange = "".join(f"\\x{ord(character):02x}" for character in task.alphabet)
    for name, column, width in (("question", questions, task.question_width), ("answer", answers, task.answer_width)):
        _all(pc.equal(pc.utf8_length(column), width), f"the {name} is not {width} characters wide")
        _all(
            pc.match_substring_regex(column, f"^[{strange}]*$"), f"the {name} is not of the alphabet {task.alphabet!r}"
        )


def _parse(task: Task, questions: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The operands that the questions ask about: two uint64 arrays."""
    dashes = task.operation.notation == "dashes"
    operand = "-+" if dashes else "(?:0|[1-9][0-9]*)"
    read = pc.utf8_reverse(questions) if task.reverse else questions
    grammar = f"^{operand}\\x{ord(task.operation.symbol):02x}{operand} *$"
    _all(pc.match_substring_regex(read, grammar), "the question asks nothing that can be answered")
    parts = pc.split_pattern(pc.utf8_rtrim(read, PAD), task.operation.symbol)
    convert = pc.utf8_length if dashes else functools.partial(pc.cast, target_type=pa.uint64())
    left, right = (np.asarray(convert(pc.list_element(parts, side))).astype(np.uint64) for side in (0, 1))
    return left, right


def _check_answers(task: Task, left: np.ndarray, right: np.ndarray, answers: pa.Array) -> None:
    """Every answer, solved and written again."""
    solved = pa.array(task.operation.solve(left.astype(np.int64), right.astype(np.int64)), pa.int64())
    text = pc.binary_repeat("-", solved) if task.operation.notation == "dashes" else pc.cast(solved, pa.string())
    if task.operation.answer_prefix:
        text = pc.binary_join_element_wise(task.operation.answer_prefix, text, "")
    _all(pc.equal(answers, pc.utf8_rpad(text, task.answer_width, PAD)), "the answer is wrong")


def _check_examples(left: np.ndarray, right: np.ndarray, expected: Examples) -> None:
    """Whether the questions are the ones that the parameters give, in their order."""
    wanted_left, wanted_right = expected
    common = min(len(left), len(wanted_left))
    same = (left[:common] == wanted_left[:common]) & (right[:common] == wanted_right[:common])
    _all(pa.array(same), "is not the example that the parameters give here")
    if len(left) != len(wanted_left):
        raise Problem(f"has {len(left)} rows, not {len(wanted_left)}")


def _all(conditions: pa.Array, complaint: str) -> None:
    row = pc.index(conditions, False).as_py()
    if row >= 0:
        raise Problem(f"row {row}: {complaint}")


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


@functools.cache
def _example_class() -> Any:
    """The class of ``tf.train.Example``, as far as bytes features go, without TensorFlow."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="seq2seq_arith", syntax="proto3")
    kind = descriptor_pb2.FieldDescriptorProto
    fields = {
        "BytesList": [("value", 1, kind.TYPE_BYTES, kind.LABEL_REPEATED, "")],
        "Feature": [("bytes_list", 1, kind.TYPE_MESSAGE, kind.LABEL_OPTIONAL, "BytesList")],
        "Features": [("feature", 1, kind.TYPE_MESSAGE, kind.LABEL_REPEATED, "Features.FeatureEntry")],
        "Example": [("features", 1, kind.TYPE_MESSAGE, kind.LABEL_OPTIONAL, "Features")],
    }
    for name, members in fields.items():
        _describe(file.message_type.add(name=name), members)
    entry = file.message_type[2].nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    _describe(
        entry,
        [
            ("key", 1, kind.TYPE_STRING, kind.LABEL_OPTIONAL, ""),
            ("value", 2, kind.TYPE_MESSAGE, kind.LABEL_OPTIONAL, "Feature"),
        ],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("seq2seq_arith.Example"))


def _describe(descriptor: Any, members: list[tuple[str, int, Any, Any, str]]) -> None:
    for name, number, kind, label, of in members:
        descriptor.field.add(
            name=name, number=number, type=kind, label=label, type_name=f".seq2seq_arith.{of}" if of else None
        )
