"""Entropy models: latents to integers, the integers' bits, and their strings.

Factorized, hyperprior with or without channel context, and categorical. Others import the interface ``entropy_model``,
``build_entropy_model``, and ``quantized_tables`` for a codec that has tables of its own. Nothing here knows a codec, a
family or the data; ``densities`` alone imports CompressAI.
"""
