"""All about `gridrt::BatchedNms`."""
