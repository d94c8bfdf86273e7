"""Layer 3: trains models on the datasets, evaluates them, and exports them.

Importing this package is cheap; modules that need TensorFlow import it themselves.
"""
