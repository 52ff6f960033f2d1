"""The architectures that can be compiled: one file each, one line each here."""

from types import ModuleType

from . import qwen2, qwen3, qwen3_5

ARCHITECTURES: dict[str, ModuleType] = {
    name: module for module in (qwen2, qwen3, qwen3_5) for name in module.MODEL_TYPES
}
