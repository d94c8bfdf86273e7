"""Asking a trained model: scores, predictions, and its export."""
