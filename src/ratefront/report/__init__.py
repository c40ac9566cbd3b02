"""What a person sees of a sweep and of bounds: the report, its figures, and its tables.

Here lie the page, the figures as files, ``front.csv``, the findings in words, and the colours of them all. Other rooms
import ``write_report``, ``sweep_view``, ``front``, ``bounds.show_bounds`` and what a notebook shows. This room reads a
sweep's folder through ``store``; it must not import torch, Ray, MLflow, Optuna, the engine, or tracking.
"""
