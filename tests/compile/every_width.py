"""All Qwen 3.5 Small models at true width with several layers, in every variant, against transformers.

    python -m tests.compile.every_width [NAME …]

Takes minutes on a software adapter, and the 9B 4 GB of memory. Ends with 1 if a figure is past its bound.
"""

import sys

from windowseat.compile.variants import VARIANTS
from windowseat.site_builder.verify.comparison import BOUNDS

from tests.compile.cut_model import cut
from tests.gpu import Gpu

LAYERS = [*["linear_attention"] * 3, "full_attention"] * 2  # the pattern of all of them, twice
PROMPT, DECODED = 70, 4  # more than a tile and than a block of the delta rule, and no multiple of either


def main(names: list[str]) -> int:
    """Prints a line for each model and variant; the exit code."""
    gpu, code = Gpu(), 0
    for name in names:
        model = cut(name, LAYERS, PROMPT + DECODED)
        for variant in VARIANTS:
            error, bound = model.error(gpu, variant.name, PROMPT, DECODED), BOUNDS[variant.name]
            print(f"{name}, {len(LAYERS)} layers, {variant.name}: {error:.1e} of {bound:.0e}", flush=True)
            if not error <= bound:
                code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["0.8B", "2B", "4B", "9B"]))
