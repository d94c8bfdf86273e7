"""Training: devices, the learner, the loop around it, and its costs."""
