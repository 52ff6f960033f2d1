"""Operations to kernel launches: once for prefill, once for decode, for one variant.

Prefill gives a norm its own launch and multiplies matrices with many tokens. Decode multiplies with one vector, and
whoever writes the hidden row prepares the norm that comes next (kernels/matvec.py), in the buffers `scaled` and
`squares`; the last launch of prefill does the same for the head.
"""

from .operations import schedule
from .weights import weights_of
from .workspace import Launch, Schedule

__all__ = ["Launch", "Schedule", "schedule", "weights_of"]
