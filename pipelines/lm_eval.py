"""Writes the suite of a task for EleutherAI's lm-evaluation-harness, which scores language models.

A folder has a group of the harness, and a task per slice, so that the harness reports the exact match of each slice::

    arith_addition_d8.yaml                 the group; its score is the mean over all slices
    arith_addition_d8_template_yaml        what all tasks share: the prompt, and how an answer is found in a text
    arith_addition_d8_carry-chain-3.yaml   a task
    carry-chain-3.jsonl                    its questions and right answers
"""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import yaml

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import WriteError
from seq2seq_arith.pipelines.suite import Suite, rows

# The last line is what the answer is found by, behind any number of steps before it.
PROMPT = (
    "What is {{question}}? Think step by step, then end with one line of this form:\nAnswer: RESULT\n"
    "RESULT is written like the result of EXAMPLE, which is ITS_ANSWER.\n"
)
# The last word of a line with ``Answer:``, or of the line after it, without the marks of Markdown and a full stop. It
# is a whole word: a wrong 4.7 must not become a right 7.
ANSWER = r"(?m)Answer:\s*(?:.*[^\S\n])?[*$`]*([^\s*$`.][^\s*$`]*?)[\s*$`.]*$"
MAX_TOKENS = 2048  # of a text, so that the steps of a long question fit


def write(folder: Path, task: Task, suite: Suite) -> None:
    """Writes a new folder of task files, which contain its path; raises WriteError if that fails."""
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.mkdir(parents=True)
        for name, content in files(folder, task, suite).items():
            (partial / name).write_text(content, encoding="utf-8")
        partial.rename(folder)
    except OSError as error:
        raise WriteError(folder, error.strerror or error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def files(folder: Path, task: Task, suite: Suite) -> dict[str, str]:
    """The content of each file of a folder with this path, by name."""
    group, template = group_name(task), f"{group_name(task)}_template_yaml"
    questions: dict[str, list[dict[str, str]]] = {}
    for slice, question, answer in rows(task, suite):
        questions.setdefault(slice, []).append({"question": question, "answer": answer})
    example = text.parse(text.example(task), task)
    prompt = PROMPT.replace("EXAMPLE", example.typed).replace("ITS_ANSWER", text.answer(example))
    contents = {
        f"{group}.yaml": _yaml(
            {
                "group": group,
                "task": [f"{group}_{slice}" for slice in questions],
                "aggregate_metric_list": [
                    {"metric": "exact_match", "weight_by_size": False, "filter_list": ["answer"]}
                ],
                "metadata": {"version": suite.version},
            }
        ),
        template: _yaml(_template(prompt, suite)),
    }
    for slice, of_slice in questions.items():
        data = folder.absolute() / f"{slice}.jsonl"
        task_of_slice = {"include": template, "task": f"{group}_{slice}"}
        contents[f"{group}_{slice}.yaml"] = _yaml(
            task_of_slice | {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}}
        )
        contents[data.name] = "".join(json.dumps(row) + "\n" for row in of_slice)
    return contents


def group_name(task: Task) -> str:
    """The name of the group of a task: its name and size.

    >>> group_name(Task("addition", size=8))
    'arith_addition_d8'
    """
    return f"arith_{task.name}_d{task.size}"


def _template(prompt: str, suite: Suite) -> dict[str, Any]:
    found = [
        {"function": "regex", "regex_pattern": ANSWER, "group_select": -1},
        {"function": "take_first"},
    ]
    return {
        "output_type": "generate_until",
        "test_split": "test",
        "doc_to_text": prompt,
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": MAX_TOKENS},
        "filter_list": [{"name": "answer", "filter": found}],
        # A comma between the digits of a number does not count.
        "metric_list": [
            {
                "metric": "exact_match",
                "aggregation": "mean",
                "higher_is_better": True,
                "regexes_to_ignore": [","],
            }
        ],
        "metadata": {"version": suite.version},
    }


def _yaml(values: dict[str, Any]) -> str:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)
