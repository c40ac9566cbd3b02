"""The training of a task model, and what it costs.

``train_task_model`` trains and ``training_progress`` keeps checkpoints; ``prepare_task_model`` calls both.
``draft_first_sweep`` chooses a task model that trains in two minutes; ``rf.first_sweep`` calls it. The training of
codecs lies in ``trial`` and ``ratefront.checkpoints``.
"""
