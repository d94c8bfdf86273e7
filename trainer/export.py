"""A run's best model for use elsewhere: a SavedModel from strings to strings, and the .keras file."""

import json
import re
import shutil

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import checkpoints, report
from seq2seq_arith.trainer.codec import View, make_view
from seq2seq_arith.trainer.errors import WriteError
from seq2seq_arith.trainer.models import build_model
from seq2seq_arith.trainer.runs import Run, local_folder


class Exported(tf.Module):
    """A model that answers questions as a person writes them; it needs nothing but TensorFlow.

    Args:
      model: From ids to logits.
      view: What it reads and writes.
    """

    def __init__(self, model: keras.Model, view: View) -> None:
        super().__init__()
        self.model = model
        self._view = view

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "question")])
    def answer(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """The answers to questions.

        Args:
          question: string [examples], as a person writes them; blanks are ignored.

        Returns:
          ``answer``, string [examples], without padding, and ``confidence``, float32 [examples], the product of
          the probabilities of its characters.

        Raises:
          tf.errors.InvalidArgumentError: A question is none of the task, or is too long.
        """
        logits = self.model(self._view.encode_question(_stored(question, self._view.task)), training=False)
        ids = tf.argmax(logits, axis=2, output_type=tf.int32)
        codes = self._view.decode_answer(tf.cast(ids, tf.uint8))
        characters = tf.gather(tf.constant([chr(code) for code in range(256)]), tf.cast(codes, tf.int32))
        best = tf.reduce_max(tf.nn.log_softmax(logits), axis=2)
        return {
            "answer": tf.strings.strip(tf.strings.reduce_join(characters, axis=1)),
            "confidence": tf.exp(tf.reduce_sum(best, axis=1)),
        }


def run(run: Run, out: str) -> None:
    """Writes OUT/saved_model, OUT/model.keras and OUT/task.json.

    The layers are built without cuDNN, so that the export runs where there is no GPU, whatever it was trained on.

    Raises:
      InputError: OUT is there already, or the run has no checkpoint.
      WriteError: OUT cannot be written.
    """
    folder = local_folder(out)
    if folder.exists():
        raise InputError(f"{folder} is there already; give a folder that is not")
    arrays, state = checkpoints.load(run.best)
    keras.config.set_dtype_policy("float32")
    view = make_view(run.config.model.view, run.task)
    model = build_model(run.config.model, view, portable=True)
    checkpoints.assign(model.variables, arrays, run.best)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        exported = Exported(model, view)
        tf.saved_model.save(exported, str(partial / "saved_model"), signatures=exported.answer)
        model.save(partial / "model.keras")
        about = {"parameters": run.task.parameters(), "alphabet": view.alphabet, "view": view.name}
        about |= {"best": state["row"]}
        checkpoints.write_atomically(partial / "task.json", (json.dumps(about, indent=2) + "\n").encode())
        partial.rename(folder)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, tf.errors.OpError):
            raise WriteError(folder, error.message.splitlines()[0]) from error
        if isinstance(error, OSError):
            raise WriteError(folder, error.strerror or error) from error
        raise
    example = report.example(run.task)
    report.say(
        f'{folder}/saved_model: model = tf.saved_model.load("{folder}/saved_model"); model.answer(["{example}"])'
    )
    report.say(
        f"{folder}/model.keras: ids in, logits out, for programs that import seq2seq_arith.trainer.models; task.json "
        f"has the alphabet and the view {view.name!r}"
    )


def _stored(question: tf.Tensor, task: Task) -> tf.Tensor:
    """string [examples] as the uint8 [examples, question width] that the datasets hold."""
    operand = "(0|[1-9][0-9]*)" if task.operation.notation == "decimal" else "-+"
    text = tf.strings.regex_replace(question, r"\s", "")
    # RE2 bounds a repetition by 1,000, so the lengths are looked at apart.
    valid = tf.strings.regex_full_match(text, f"{operand}{re.escape(task.operation.symbol)}{operand}")
    tf.debugging.Assert(tf.reduce_all(valid), ["not a question of this task:", tf.boolean_mask(question, ~valid)])
    codes = tf.io.decode_raw(text, tf.uint8, fixed_length=task.question_width)
    codes = tf.where(codes == 0, np.uint8(ord(" ")), codes)
    operator = tf.argmax(codes == ord(task.operation.symbol), axis=1, output_type=tf.int32)
    longest = tf.maximum(operator, tf.strings.length(text) - operator - 1)
    fits = tf.logical_and(longest <= task.digits, tf.strings.length(text) <= task.question_width)
    tf.debugging.Assert(
        tf.reduce_all(fits), [f"an operand has more than {task.digits} characters:", tf.boolean_mask(question, ~fits)]
    )
    return tf.reverse(codes, [1]) if task.reverse else codes
