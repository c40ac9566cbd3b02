"""Refinement: latents are optimised for each sample at encode time, by SGA (stochastic Gumbel annealing).

Codecs import ``sga``. It knows an entropy model only by its protocol ``Relaxable``; it must not import codecs or tasks.
"""
