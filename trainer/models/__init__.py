"""The networks, by name. Each reads ids and writes logits, and learns the rest from examples.

- ``lstm``, ``gru``, ``simple_rnn``: the notebook's encoder, repeated vector and decoder; any view.
- ``lstm_tagger``, ``bilstm_tagger``, ``alternating_tagger``, ``returning_tagger``: LSTM layers that write one answer
  character a step: all forward; all in both directions; forward and backward in turn; forward, and the last one
  backward. Views whose question and answer have the same number of steps.
- ``convolution``: each answer character from the question characters around it; views as for the taggers.
- ``transformer``: attention from learned queries to the characters, and LSTMs along the answer; any view.
- ``counter``: an encoder and a decoder that count, over a recurrence without feedback, which runs in parallel; any
  view.
"""

from seq2seq_arith.trainer.models.build import build_model

__all__ = ["build_model"]
