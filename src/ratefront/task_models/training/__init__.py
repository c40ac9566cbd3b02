"""The training of a task model: epochs, batches, augmentation, checkpoints.

``train_task_model`` trains and ``training_progress`` keeps checkpoints; ``prepare_task_model`` calls both.
``first_sweep`` measures with the same code what a training costs. The training of codecs lies in ``trial``
and ``ratefront.checkpoints``.
"""
