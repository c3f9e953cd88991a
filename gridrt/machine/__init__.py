"""What this machine has: its processors and its Python packages."""
