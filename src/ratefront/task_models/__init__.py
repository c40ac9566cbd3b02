"""Task models: classifiers as named stages, which a codec cuts at a split point.

``architectures`` builds the ones that ratefront brings, ``own_network`` takes a user's, ``training`` trains them once
before the trials. Codecs and trials import ``task_model``, ``stored_task_model`` and ``cached_features``; a sweep
calls ``prepare_task_model``. Codecs and trials must not be imported here.
"""
