"""Looking into a trained network: attention, states, ablation, activation patching, probing and key frequencies."""
