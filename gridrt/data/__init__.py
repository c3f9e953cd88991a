"""Images and data sets: read from files or synthetic, resized and padded for the model."""
