"""Accuracy and speed of model files, compared with a reference."""
