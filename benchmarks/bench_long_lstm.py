"""Measures what a training step of the notebook's network on long strings costs: memory, and processor time.

``python benchmarks/bench_long_lstm.py``. Keras's own layer, which keeps the states of all steps, is measured beside it
with ``--before``, and needs about 3.3 GiB with the default batch.
"""

import argparse
import time
from typing import Any

import timing

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.quiet import import_tensorflow

MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dashes", type=int, default=1000)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--before", action="store_true", help="also measure Keras's own layer")
    args = parser.parse_args()
    rows = []
    for kind in ("ours", *(["keras"] if args.before else [])):
        for batch_size in args.batch_sizes:
            seconds, peak = timing.call(step, kind=kind, dashes=args.dashes, batch_size=batch_size)
            rows.append([kind, str(batch_size), f"{peak / MIB:,.0f}", f"{seconds:.1f}", f"{batch_size / seconds:.1f}"])
    say(table(["layer", "batch", "peak of the process, MiB", "CPU s per step", "examples per CPU s"], rows))


def step(kind: str, dashes: int, batch_size: int) -> float:
    """Seconds of processor time of the second training step."""
    import_tensorflow()
    import keras

    from seq2seq_arith.trainer.config import override
    from seq2seq_arith.trainer.data.stream import Stream
    from seq2seq_arith.trainer.data.views import make_view
    from seq2seq_arith.trainer.models.recurrent import lstm
    from seq2seq_arith.trainer.recipes import recipe
    from seq2seq_arith.trainer.training import devices
    from seq2seq_arith.trainer.training.learner import Learner

    def keras_lstm(units: int, repeats: int = 1, **kwargs: Any) -> Any:
        layer = keras.layers.LSTM(units, use_cudnn=False, **kwargs)
        if repeats == 1:
            return layer
        repeat = keras.layers.RepeatVector(repeats)
        return lambda vector: layer(repeat(keras.layers.Reshape((vector.shape[2],))(vector)))

    if kind == "keras":
        vars(lstm)["CheckpointedLSTM"] = keras_lstm
    task = Task("pq", digits=dashes)
    config = override(recipe("notebook", "pq"), batch_size=batch_size, stream=True)
    view = make_view("raw", task)
    learner = Learner(config=config, view=view, strategy=devices.make_strategy(), total_steps=2)
    batches = Stream(task, 0, batch_size, 1, seed=0)
    learner.train(batches, 0, 1)
    started = time.process_time()
    learner.train(batches, 1, 1)
    return time.process_time() - started


if __name__ == "__main__":
    main()
