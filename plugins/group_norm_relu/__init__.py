"""`gridrt::group_norm_relu`: a convolution's bias, GroupNorm and ReLU in one launch, channels last. No ONNX node."""
