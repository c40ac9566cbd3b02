"""What a user's own network needs: its function, its file of weights, and checks that a codec may cut it.

``module_task_model`` is the task model ``module`` of the registry. ``evaluation_check`` and
``read_weights_file`` also serve ratefront's own architectures and the checks of a trial. The modules here
must not import ``architectures`` or ``training``.
"""
