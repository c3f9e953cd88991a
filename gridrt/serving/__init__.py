"""What takes a detector beyond one process: a Triton server, and batch jobs on a Ray cluster."""
