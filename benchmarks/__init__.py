"""Measurements of GridRT, run from the root of the repository: see README.md."""
