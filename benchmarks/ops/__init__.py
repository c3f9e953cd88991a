"""What the GPU benchmarks know of each custom op: one folder per op, of the same name as in `plugins/`.

* `inputs.py`: random inputs, which the tests of kernels use too
* `roofline.py`: bytes and FLOP of one launch, where they bound its time
* `baseline.py`: what PyTorch would launch in the place of the kernel, replayed from a graph where it can be
* `cases.py`: the shapes of R-50, for `benchmarks.gpu_kernels`
* `edges.py`: nodes at the edges of what the kernel takes, for `benchmarks.gpu_launches`; imports no PyTorch
"""
