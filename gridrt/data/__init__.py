"""Pictures and data sets: read from files or drawn, resized and padded for the model."""
