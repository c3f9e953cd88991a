"""The ops as plugins whose kernels are put into the engine when it is built (`tensorrt.plugin`)."""
