"""Layer 1: draws question/answer pairs, drops duplicates exactly, writes shards. Its modules import what they need."""
