"""From an ONNX graph to a TensorRT engine, with a manifest that says what is in it."""
