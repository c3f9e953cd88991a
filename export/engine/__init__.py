"""From an ONNX graph to a TensorRT engine, with a manifest of what is in it."""
