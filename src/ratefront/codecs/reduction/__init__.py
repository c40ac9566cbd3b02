"""A transmitter's network made smaller: pruned in steps, and stored in fp32, fp16 or int8.

``Reduction`` says how. ``reduced_skeleton`` gives the structure of the reduced network, with arbitrary weights: a
family builds its codec with it. ``reduce_network`` gives the reduced network itself: a family's learner takes its
weights from there. ``Int8Layer`` is what holds integers in it, and
``with_float_weights`` reads them from a file as weights. Nothing here imports a codec or a task model.
"""

from __future__ import annotations

from ratefront.codecs.reduction.int8_layer import Int8Layer, with_float_weights
from ratefront.codecs.reduction.reduce_network import reduce_network, reduced_skeleton
from ratefront.codecs.reduction.reduction_settings import Reduction

__all__ = ["Int8Layer", "Reduction", "reduce_network", "reduced_skeleton", "with_float_weights"]
