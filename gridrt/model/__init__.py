"""The detector as the paper tells it; nothing here knows how it is exported or run."""
