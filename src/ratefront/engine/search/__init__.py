"""The search: from what a sweep has tried and measured to the values of its next trial.

The engine imports ``next_suggestion.Suggester``; the simulator also draws first trials. Optuna is imported only by
``sampler_study``, and only once a sampler is asked. Nothing here may import other parts of the engine.
"""
