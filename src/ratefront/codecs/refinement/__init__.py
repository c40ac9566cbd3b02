"""Refinement: per-sample optimisation of the latents after training, by stochastic Gumbel annealing (SGA).

``sga`` is the optimisation loop; ``refinement_target`` is what a sample's latents are compared by, which is never the
label (docs/theory.md, refinement). The codecs of ``codecs.bottleneck`` import both. Nothing here imports a codec or a
task model.
"""
