"""The shapes of the weights of networks that can be proved, by name; as their functions in ``models`` make them.

TensorFlow refuses a checkpoint of other shapes. NumPy would evaluate many of these, such as that of another task.
"""

from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.constants import GRU_DENSE_UNITS, GRU_PAIR_UNITS, READOUT_UNITS, UNITS_PER_LATCH

Shapes = dict[str, tuple[int, ...]]


def latch_tagger(model: ModelConfig, characters: int) -> Shapes:
    """Those of ``models/parallel.latch_tagger``; ``characters`` is the number of those of its task."""
    hidden, latches = model.hidden, max(1, model.hidden // (UNITS_PER_LATCH * min(model.layers, 2)))
    shapes: Shapes = {"read/table": (characters**2, hidden)}
    for number in range(model.layers):
        seen, units = hidden + (number + 1) * (3 * latches + 2), hidden * (2 if number == model.layers - 1 else 1)
        shapes |= _dense(f"settings_{number}", hidden, 2 * latches) | _dense(f"layer_{number}", seen, units)
    return shapes | _dense("logits", 2 * hidden, characters)


def gru_tagger(model: ModelConfig, characters: int) -> Shapes:
    """Those of ``models/parallel.gru_tagger``."""
    shapes: Shapes = {
        "gates/table": (characters**2, 3 * model.hidden),
        "pairs/table": (characters**2, GRU_PAIR_UNITS),
        **_dense("recurrence/cell", model.hidden, 3 * model.hidden),
    }
    for number in range(model.layers):
        inputs = GRU_DENSE_UNITS if number else GRU_PAIR_UNITS + model.hidden
        shapes |= _dense(f"dense_{number}", inputs, GRU_DENSE_UNITS)
    return shapes | _dense("logits", GRU_DENSE_UNITS, characters)


def counter(model: ModelConfig, characters: int) -> Shapes:
    """Those of ``models/parallel.counter``."""
    shapes = _dense("encoder", characters, 2 * model.hidden) | _dense("decoder", 2, 2 * model.hidden)
    shapes["readout_signal/kernel"] = (2, READOUT_UNITS)
    for number in range(model.layers):
        shapes |= _dense(f"readout_{number}", READOUT_UNITS if number else model.hidden, READOUT_UNITS)
    return shapes | _dense("logits", READOUT_UNITS, characters)


def windowed_transformer(model: ModelConfig, characters: int) -> Shapes:
    """Those of ``models/autoregressive.causal`` with one layer, whose alphabet has an EOS token, and a window."""
    units, options, block = model.hidden, model.network_options(), "decoder/block_0"
    inner = options["ffn_dim"] or 4 * units
    scales = (f"{block}/attention_norm/scale", f"{block}/dense_norm/scale", "decoder/norm/scale")
    kernels = (f"{block}/attention/{name}_kernel" for name in ("query", "key", "value", "output"))
    return {
        "decoder/read": (characters + 1, units),
        "decoder/written": (characters + 2, units),
        "decoder/place_bias/table": (2 * options["attention_window"], options["heads"]),
        **dict.fromkeys(scales, (units,)),
        **dict.fromkeys(kernels, (units, units)),
        f"{block}/dense/up": (units, inner),
        f"{block}/dense/down": (inner, units),
    }


def _dense(name: str, inputs: int, units: int) -> Shapes:
    """Those of a dense layer."""
    return {f"{name}/kernel": (inputs, units), f"{name}/bias": (units,)}
