"""The gated delta rule (Yang et al. 2024, "Gated Delta Networks"): the recurrent half of Qwen 3.5. Its definition.

Per value head with state S [dk, dv], after a causal convolution of width W and silu over q, k and v:

    q = l2(q) / sqrt(dk), k = l2(k), beta = sigmoid(b), g = decay · softplus(a + dt_bias)   (decay = -exp(A_log))
    S = e^g · S; S = S + k (beta · (v - Sᵀ k))ᵀ; o = Sᵀ q; y = rms_norm(o) · norm · silu(z)

Decode is one launch (gated_delta_step.py). Prefill is four for a whole chunk, never one per token: `causal_conv`,
`delta_pairs`, `delta_scan` and `gated_norm`, each in a file of its name.

Rows of `projected` are q | k | v | z, widths Hk·dk, Hk·dk, Hv·dv, Hv·dv; rows of `gates` are b | a, widths Hv, Hv.
State from before position 0 is read as zero: starting over needs no clearing.
"""

# T tokens, C channels (q, k and v), W taps of the convolution, Hk key heads, Hv value heads, dk, dv head sizes

import numpy as np
from numpy.typing import NDArray

from ..shapes import DeltaShape

F64 = NDArray[np.float64]

L2_EPS = 1e-6  # of the reference implementation; not in the config


def reference(
    shape: DeltaShape,
    projected: F64,
    gates: F64,
    conv: F64,
    decay: F64,
    dt_bias: F64,
    norm: F64,
    eps: float,
    past: F64,
    state: F64,
) -> tuple[F64, F64]:
    """The definition: projected [T, q|k|v|z], gates [T, b|a], conv [C, W], past [W-1, C] (the columns before),
    state [Hv, dk, dv]; gives back y [T, Hv·dv] and the new state."""
    s, count = shape, len(projected)
    inputs = np.concatenate([past, projected[:, : s.channels]])
    convolved = sum(inputs[j : j + count] * conv[:, j] for j in range(s.taps))
    convolved = convolved / (1 + np.exp(-convolved))
    q = convolved[:, : s.keys].reshape(count, s.key_heads, s.key_size)
    k = convolved[:, s.keys : 2 * s.keys].reshape(count, s.key_heads, s.key_size)
    v = convolved[:, 2 * s.keys :].reshape(count, s.value_heads, s.value_size)
    z = projected[:, s.channels :].reshape(v.shape)
    q = q / np.sqrt((q * q).sum(-1, keepdims=True) + L2_EPS) / np.sqrt(s.key_size)
    k = k / np.sqrt((k * k).sum(-1, keepdims=True) + L2_EPS)
    beta = 1 / (1 + np.exp(-gates[:, : s.value_heads]))
    g = decay * np.log1p(np.exp(gates[:, s.value_heads :] + dt_bias))
    new, y = state.copy(), np.zeros(v.shape)
    for t in range(count):
        for head in range(s.value_heads):
            of = head * s.key_heads // s.value_heads
            new[head] *= np.exp(g[t, head])
            new[head] += np.outer(k[t, of], beta[t, head] * (v[t, head] - new[head].T @ k[t, of]))
            o = new[head].T @ q[t, of]
            gate = z[t, head] / (1 + np.exp(-z[t, head]))
            y[t, head] = o / np.sqrt(np.mean(o * o) + eps) * norm * gate
    return y.reshape(count, -1), new
