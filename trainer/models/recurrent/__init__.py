"""Recurrent layers that compute what Keras's LSTM computes: faster for short sequences, with less memory for long ones."""
