"""What takes a detector beyond one process: a Triton server."""
