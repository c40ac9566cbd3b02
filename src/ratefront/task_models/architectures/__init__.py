"""The task models that ratefront brings, one module per architecture or family of architectures.

The registry of task models (``catalogue.task_models``) names their ``build_…`` functions; other code calls
``task_models.build_task_model`` instead of them. Architectures know neither training nor a sweep's folder.
"""
