"""Layer 1: draws arithmetic question/answer pairs, drops duplicates exactly, and writes shards.

Importing this package is cheap: Apache Beam, PyArrow and TensorFlow Datasets are imported by the modules that need
them, and TensorFlow by none.
"""
