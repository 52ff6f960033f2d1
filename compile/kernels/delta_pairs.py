"""The part of the chunked gated delta rule (gated_delta.py) that all blocks of a chunk can do at once.

Within a block of C = 32 tokens that starts from state S, with G the sum of g since the block's start, the rule unrolls
to a triangular system (Yang et al. 2024, "Gated Delta Networks"; the WY form of products of Householder matrices):

    A[t, j] = beta_t · e^(G_t - G_j) · k_t·k_j   for j < t        P[t, j] = e^(G_t - G_j) · q_t·k_j   for j <= t
    (1 + A) U = beta · (V - e^G · K S)                            O = e^G · Q S + P U
    S' = e^(G_end) · S + Σ_j e^(G_end - G_j) · k_j u_jᵀ

This kernel computes (1 + A)⁻¹ and P; delta_scan.py the rest. A workgroup takes a block and a key head, a thread 4x4
pairs of tokens in the lower triangle, 2x2 on software adapters; then 32 threads invert, a column each, by forward
substitution.

No quotient of decays is ever formed: each exponent is the sum of the g between j and t, all of one sign, added up for
itself. So neither overflow nor cancellation is possible, however strong the decay.
"""

# T tokens, C tokens of a block, Hk key heads, Hv value heads, dk head size

from functools import cache

from tvm.tirx.script import builder as T

from ..extent import PerTokens
from ..shapes import DeltaShape
from ..tuning import Tuning
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    const,
    dot,
    hold,
    let,
    loop,
    sigmoid,
    softplus,
    store,
    strided,
    unsynchronised,
    when,
)
from .gated_delta import L2_EPS
from .heads import Heads

BLOCK = 32
# Of a token: beta; beta · e^G / |k|; e^G / |q|; e^(G_end - G) / |k|; e^G; and, before the place where the state is kept
# and in its block, e^(G_keep - G) / |k|. The norm of q takes in sqrt(dk).
FACTORS = 6


@cache
def delta_pairs(shape: DeltaShape, *, tuning: Tuning, chunk: int, act: str) -> Kernel:
    """Buffers: queries_keys [chunk, q|k], gates [chunk, b|a] f32, decay_dt [2, Hv], factors [chunk, Hv, FACTORS] f32,
    inverse and mixture [chunk, Hv, C] f32: for each token its row of (1 + A)⁻¹ and of P."""
    s, tile = shape, tuning.delta_tile
    quad = 4 // tile  # tiles
    threads = (BLOCK // tile) ** 2
    k = KernelBuilder(f"delta_pairs_{s.name}_{act}_{tile}", (PerTokens(BLOCK), s.key_heads), threads)
    rows = Heads(k, "queries_keys", chunk, 2 * s.key_heads, s.key_size, act)
    gates = k.buffer("gates", (chunk, 2 * s.value_heads), "float32")
    decay_dt = k.buffer("decay_dt", (2, s.value_heads), "float32")
    factors = k.buffer("factors", (chunk, s.value_heads, FACTORS), "float32")
    inverse, mixture = (k.buffer(name, (chunk, s.value_heads, BLOCK), "float32") for name in ("inverse", "mixture"))
    tokens, keep_at = k.scalar("tokens"), k.scalar("keep_at")
    with k.threads() as (block, key_head, thread):
        first = let(block * BLOCK)
        pairs = _Pairs(rows, key_head, first, tokens, thread, tile)
        # Of each token of the block: g, beta; and A, and its inverse.
        rate, beta = unsynchronised(BLOCK), unsynchronised(BLOCK)
        a, inverted = unsynchronised(BLOCK * BLOCK), unsynchronised(BLOCK * BLOCK)
        with loop(s.value_heads // s.key_heads) as i:
            head = hold(key_head * (s.value_heads // s.key_heads) + i, "int32")
            with strided(thread, BLOCK, threads) as t:
                token = hold(T.min(first + t, tokens - 1), "int32")
                slow = softplus(gates[token, s.value_heads + head] + decay_dt[1, head])
                store(rate, t, T.Select(first + t < tokens, hold(decay_dt[0, head] * slow), const(0.0)))
                store(beta, t, T.Select(first + t < tokens, hold(sigmoid(gates[token, head])), const(0.0)))
            barrier()
            with when(pairs.across // quad <= pairs.down // quad):  # delta_scan.py reads P by quads, zeros and all
                _store_pairs(pairs, rate, beta, a, mixture, head)
            with when(pairs.across == pairs.down):
                _store_factors(pairs, rate, beta, factors, head)
                with when(T.And(keep_at > first, keep_at <= first + BLOCK)):
                    _store_kept_factors(pairs, rate, factors, head, keep_at)
            barrier()
            with when(thread < BLOCK):
                _invert(a, inverted, thread, T.min(tokens - first, BLOCK))
            barrier()
            with strided(thread, BLOCK * BLOCK, threads) as at:
                row, column = hold(at // BLOCK, "int32"), at % BLOCK
                with when(first + row < tokens):
                    store(inverse, (first + row, head, column), inverted[at])
    return k.finish()


class _Pairs:
    """A thread's inner products: its tokens `down`, a tile of them, with those `across`, and the norms of all."""

    def __init__(self, rows: Heads, key_head: Expr, first: Expr, tokens: Expr, thread: Expr, tile: int) -> None:
        self.first, self.tokens, self.tile = first, tokens, tile
        tiles = BLOCK // tile
        self.across, self.down = hold(thread % tiles, "int32"), hold(thread // tiles, "int32")
        self.kk, self.qk = ([[Cell(const(0.0)) for _ in range(tile)] for _ in range(tile)] for _ in range(2))
        squares = [[Cell(const(0.0)) for _ in range(tile)] for _ in range(3)]
        down, across = (
            [hold(T.min(first + side * tile + i, tokens - 1), "int32") for i in range(tile)]
            for side in (self.down, self.across)
        )
        keys = rows.heads // 2 + key_head
        with when(self.across <= self.down), loop(rows.quads) as quad:
            k_across = [hold(rows.four(token, keys, quad), "float32x4") for token in across]
            for i, each in enumerate(k_across):
                squares[2][i].add(dot(each, each))
            for i, token in enumerate(down):
                q = hold(rows.four(token, key_head, quad), "float32x4")
                k = hold(rows.four(token, keys, quad), "float32x4")
                squares[0][i].add(dot(q, q))
                squares[1][i].add(dot(k, k))
                for j, other in enumerate(k_across):
                    self.qk[i][j].add(dot(q, other))
                    self.kk[i][j].add(dot(k, other))
        self.q_norm, self.k_norm, self.k_norm_across = (
            [hold(T.rsqrt(square.get() + const(L2_EPS)) * const(scale)) for square in each]
            for each, scale in zip(squares, (rows.size**-0.5, 1.0, 1.0), strict=True)
        )


def _store_pairs(pairs: _Pairs, rate: Buffer, beta: Buffer, a: Buffer, mixture: Buffer, head: Expr) -> None:
    """The thread's part of A and P."""
    decay, tile = _decays(rate, pairs.across, pairs.down, pairs.tile), pairs.tile
    for i in range(tile):
        row = hold(pairs.down * tile + i, "int32")
        for j in range(tile):
            column = pairs.across * tile + j
            factor = hold(T.exp(decay[i][j]) * pairs.k_norm_across[j])
            from_k = hold(beta[row] * pairs.k_norm[i] * factor * pairs.kk[i][j].get())
            from_q = hold(pairs.q_norm[i] * factor * pairs.qk[i][j].get())
            store(a, row * BLOCK + column, T.Select(column < row, from_k, const(0.0)))
            with when(pairs.first + row < pairs.tokens):
                store(mixture, (pairs.first + row, head, column), T.Select(column <= row, from_q, const(0.0)))


def _decays(rate: Buffer, across: Expr, down: Expr, tile: int) -> list[list[Expr]]:
    """The sum of g over j < s <= t, for each token t `down` and j `across`."""
    between = Cell(const(0.0))
    with loop(T.max(down - across - 1, 0) * tile) as i:
        between.add(rate[across * tile + tile + i])
    early = [hold(rate[across * tile + i]) for i in range(tile)]
    late = [hold(rate[down * tile + i]) for i in range(tile)]

    def decay(i: int, j: int) -> Expr:
        apart = sum([*early[j + 1 :], *late[: i + 1]], start=between.get())
        return hold(T.Select(across == down, sum(late[j + 1 : i + 1], start=const(0.0)), apart))

    return [[decay(i, j) for j in range(tile)] for i in range(tile)]


def _store_factors(pairs: _Pairs, rate: Buffer, beta: Buffer, factors: Buffer, head: Expr) -> None:
    """The factors of the thread's tokens `down`."""
    before, after, tile = Cell(const(0.0)), Cell(const(0.0)), pairs.tile
    with loop(pairs.down * tile) as i:
        before.add(rate[i])
    with loop(BLOCK - tile - pairs.down * tile) as i:
        after.add(rate[pairs.down * tile + tile + i])
    rates = [hold(rate[pairs.down * tile + i]) for i in range(tile)]
    for i in range(tile):
        row = hold(pairs.down * tile + i, "int32")
        since = hold(T.exp(sum(rates[: i + 1], start=before.get())))
        until = hold(T.exp(sum(rates[i + 1 :], start=after.get())))
        own = hold(beta[row])
        values = (own, own * since * pairs.k_norm[i], since * pairs.q_norm[i], until * pairs.k_norm[i], since)
        with when(pairs.first + row < pairs.tokens):
            for slot, value in enumerate(values):
                store(factors, (pairs.first + row, head, slot), value)


def _store_kept_factors(pairs: _Pairs, rate: Buffer, factors: Buffer, head: Expr, keep_at: Expr) -> None:
    """The last factor of the thread's tokens `down`, in the block where the state is kept."""
    for i in range(pairs.tile):
        row = hold(pairs.down * pairs.tile + i, "int32")
        with when(pairs.first + row < keep_at):
            until = Cell(const(0.0))
            with loop(keep_at - pairs.first - row - 1) as j:
                until.add(rate[row + 1 + j])
            store(factors, (pairs.first + row, head, FACTORS - 1), T.exp(until.get()) * pairs.k_norm[i])


def _invert(a: Buffer, inverted: Buffer, column: Expr, rows: Expr) -> None:
    """A column of (1 + A)⁻¹, as far as the block has tokens, which only this thread reads; the threads read the same
    element of A at a time."""
    with loop(rows) as row:
        total = Cell(T.Select(row == column, const(1.0), const(0.0)))
        with loop(row) as j:
            total.add(-a[row * BLOCK + j] * inverted[j * BLOCK + column])
        store(inverted, row * BLOCK + column, total.get())
