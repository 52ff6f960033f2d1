"""WebGPU's default limits, which every adapter has: the `base` variant must run on all of them."""

MAX_STORAGE_BUFFERS = 8
MAX_THREADS = 256
MAX_WORKGROUP_BYTES = 16384
MAX_GRID = 65535
MAX_BINDING = 128 << 20  # bytes
