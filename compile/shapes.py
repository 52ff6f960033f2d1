"""The sizes that a model and its kernels agree on, and what follows from them."""

from dataclasses import dataclass

FINE = 256  # positions in the fine half of the RoPE table


@dataclass(frozen=True, slots=True)
class DeltaShape:
    """The gated delta rule. A projected row is q | k | v | z."""

    key_heads: int
    value_heads: int
    key_size: int
    value_size: int
    taps: int

    @property
    def keys(self) -> int:
        return self.key_heads * self.key_size

    @property
    def values(self) -> int:
        return self.value_heads * self.value_size

    @property
    def channels(self) -> int:
        return 2 * self.keys + self.values

    @property
    def projected(self) -> int:
        return self.channels + self.values

    @property
    def name(self) -> str:
        return f"{self.key_heads}x{self.key_size}_{self.value_heads}x{self.value_size}_{self.taps}"


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """Softmax attention. A projected row is q | k | v; with a gate, each query head there is [q | gate]."""

    heads: int
    kv_heads: int
    size: int
    rotary: int
    positions: int
    gated: bool

    @property
    def query_stride(self) -> int:
        return self.size * (2 if self.gated else 1)

    @property
    def keys_at(self) -> int:
        return self.heads * self.query_stride

    @property
    def values_at(self) -> int:
        return self.keys_at + self.kv_heads * self.size

    @property
    def projected(self) -> int:
        return self.values_at + self.kv_heads * self.size

    @property
    def table_rows(self) -> int:
        return FINE + -(-self.positions // FINE)

    @property
    def name(self) -> str:
        return f"{self.heads}q{self.kv_heads}kv_{self.size}_r{self.rotary}" + ("_gated" if self.gated else "")
