"""Blahut-Arimoto with certificates: kernels, one slope, a whole curve."""
