"""How many multiply–accumulates (MACs) a run of a network takes, or why that is not known.

Import ``Macs`` and ``multiply_accumulates`` from here; the modules inside are their parts. A MAC is a product of an
activation with a weight or constant. A matrix product or convolution has as many as its formula says
(``mac_formulas``), an elementwise product of tensors one for each number of it (``elementwise_products``). Products of
two activations count in matrix products, and where a sum takes them up. Products with a single number, elementwise
functions, fused normalisation, pooling, reductions and copies count as none, as in papers.

A scale that a network writes as a product counts, even if papers leave it out: the scale of a layer, or of a
normalisation of three channels. An operation that is not known is named. The number is then unknown, never too small.
"""

from __future__ import annotations

from ratefront.complexity.macs.count_macs import Macs, multiply_accumulates

__all__ = ["Macs", "multiply_accumulates"]
