"""What a benchmark found. bench.schema.json is its written form."""

from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that was measured several times: its median, and its quartiles: one disturbed run is no spread."""

    median: float
    low: float
    high: float
    runs: int

    @property
    def spread(self) -> float:
        """How far from the median it strayed, as a share of it."""
        return max(self.high - self.median, self.median - self.low) / self.median if self.median else 0.0


def figure(values: list[float]) -> Figure:
    """The figure of one or more measurements."""
    low, _, high = quantiles(values, method="inclusive") if len(values) > 1 else values * 3
    return Figure(median(values), low, high, len(values))


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a benchmark ran."""

    processor: str
    cores: int
    memory_bytes: int
    system: str


@dataclass(frozen=True, slots=True)
class Adapter:
    """What computes; `software` is the processor in disguise."""

    description: str
    software: bool
    f16: bool
    timestamps: bool


@dataclass(frozen=True, slots=True)
class Build:
    """What compiling the model took."""

    seconds: float
    peak_bytes: int
    bundle_bytes: int


@dataclass(frozen=True, slots=True)
class WarmLoad:
    """A load in which every byte came from the browser's storage; the best of several, each time for itself."""

    read_ms: float  # only reading the weights
    load_ms: float
    first_token_ms: float  # from the start of the load, with a prompt of one short message
    limit_ms: float  # that the first token may take: a fifth more than the reading, and a second


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a kernel reached that does nothing but read, or multiply: bytes or floating point operations per second."""

    kind: str  # "bandwidth" or "matmul"
    kernel: str
    per_second: float


@dataclass(frozen=True, slots=True)
class TokenCosts:
    """What one decoded token asks of the GPU; bytes are the plan's own accounting."""

    dispatches: float
    submits: float
    bind_groups: float
    buffers: float
    pipelines: float
    weight_bytes: int
    state_bytes: int
    activation_bytes: int
    cache_bytes_per_position: int


@dataclass(frozen=True, slots=True)
class PromptFigures:
    """Speed with a prompt of so many tokens."""

    tokens: int
    decoded: int  # tokens in a run
    first_token_ms: Figure
    prefill_tokens_per_s: Figure
    decode_tokens_per_s: Figure
    js_ms_per_token: Figure
    bytes_per_token: int  # read and written, halfway through decoding
    bandwidth_share: float  # of the bandwidth ceiling, in decode
    prefill_flop: float  # of all matrix products and attention
    matmul_share: float  # of the matmul ceiling, in prefill


@dataclass(frozen=True, slots=True)
class KernelFigures:
    """All launches of a kernel in a profiled stretch. Where none of its arithmetic is counted, `flop` is 0."""

    kernel: str
    count: int
    ms: float
    share: float  # of the time of all kernels
    flop: float
    bytes: float
    weight_bytes: float

    @property
    def intensity(self) -> float:
        """Floating point operations for each byte."""
        return self.flop / self.bytes if self.bytes else 0.0

    @property
    def flop_per_s(self) -> float:
        return self.flop / self.ms * 1000 if self.ms else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """GPU time by kernel, of a whole prompt and of tokens decoded after it, in runs of their own."""

    method: str  # "timestamp-query", or "submits" where the adapter has no timestamps
    prompt_tokens: int
    decode_tokens: int
    prefill: list[KernelFigures]
    decode: list[KernelFigures]


@dataclass(frozen=True, slots=True)
class Result:
    """One model in one runtime."""

    model: str
    random_weights: bool
    quantisation: str
    parameters: int
    runtime: str
    runtime_version: str
    adapter: Adapter
    variant: str
    build: Build | None  # None: the model came compiled
    load_ms: float
    warm_load: WarmLoad | None  # None: there is no storage to load from
    first_run_ms: float  # to the first token of the first run after the load
    gpu_memory_bytes: int
    ceilings: list[Ceiling]
    costs: TokenCosts
    prompts: list[PromptFigures]
    profile: Profile

    def ceiling(self, kind: str) -> float:
        """The best that any kernel of this kind reached, per second."""
        return max(each.per_second for each in self.ceilings if each.kind == kind)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A call of `windowseat bench`."""

    date: str  # ISO 8601
    commit: str | None
    machine: Machine
    results: list[Result]
