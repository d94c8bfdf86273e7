"""The dataset ``seq2seq_arith``, as a folder by the convention of TensorFlow Datasets."""
