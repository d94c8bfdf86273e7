"""Generates datasets: samples question-answer pairs, removes exact duplicates, and writes shards."""
