"""Detect in folders and buckets of images with Ray Data."""
