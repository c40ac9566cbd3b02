"""The tracker that writes to MLflow: runs, codecs as models, saved views.

``mlflow_tracker`` implements ``tracker_protocol``. Others import ``MlflowTracker``, ``check_model_name`` and the
addresses in ``saved_views``. MLflow is imported inside functions only. What MLflow does not document is in one file
each, and the file says what happens if it changes. This room must not import browsing.
"""
