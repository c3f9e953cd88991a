"""Serve a detector with the Triton Inference Server."""
