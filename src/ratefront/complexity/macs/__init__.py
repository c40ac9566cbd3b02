"""How many multiply–accumulates a run takes, or why that is not known (theory §6).

A multiply–accumulate is a product of an activation with a weight or constant, whether a matrix product or convolution
makes it (by its formula) or an elementwise product of tensors (one for each number of it, whatever adds it up).
Products of two activations count in matrix products and where a sum takes them up; products with a single number,
elementwise functions, fused normalisation, pooling, reductions and copies count as none, as in papers.

So scales that papers leave out count where they are written as products: of layers, or of a normalisation of three
channels. An operation of which nothing is known is named: the figure is then unknown, never too small.
"""

from __future__ import annotations

from ratefront.complexity.macs.count import Macs
from ratefront.complexity.macs.count_macs import multiply_accumulates

__all__ = ["Macs", "multiply_accumulates"]
