"""How many multiply–accumulates a run takes, or why that is not known (theory §6).

Counted is what papers count: matrix products and convolutions, every operation by its formula. Elementwise functions,
normalisation, pooling, reductions and copies count as none. An operation of which neither is known is named: the figure
is then unknown, never too small.
"""

from __future__ import annotations

from ratefront.macs.count import Macs
from ratefront.macs.counting import multiply_accumulates

__all__ = ["Macs", "multiply_accumulates"]
