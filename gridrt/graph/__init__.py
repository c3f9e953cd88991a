"""ONNX graphs of GridRT: reading, metadata, wiring, and what is common to the passes over them."""
