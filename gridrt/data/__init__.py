"""Pictures: read from files, resized and padded for the model."""
