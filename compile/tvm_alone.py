"""TVM without PyTorch. TVM imports it wherever it is installed, though nothing here hands it a tensor: two seconds more
before a build begins."""

import sys

if "torch" in sys.modules:
    import tvm
else:
    sys.modules["torch"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        import tvm
    finally:
        del sys.modules["torch"]  # so that others may

__all__ = ["tvm"]
