"""What this machine has: packages, devices, and so the backends that run here."""
