"""The pipeline as one chain, and its steps."""
