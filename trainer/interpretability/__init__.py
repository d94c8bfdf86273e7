"""Analyses of a trained network: attention and states, ablation, activation patching, probing, key frequencies."""
