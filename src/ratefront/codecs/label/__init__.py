"""The family ``label``: the class itself is sent, by the task model, by its reduced form, or by a small classifier.

``label_codec`` codes the class. ``small_classifier`` is the network that is trained for it, ``classifier_learner``
trains it, and ``label_family`` builds all of them.
"""
