"""A first sweep for a user's own data: a task model that trains in minutes, and the draft of a sweep file.

``draft_first_sweep`` is what ``rf.first_sweep`` and ``ratefront init`` call. ``affordable_model`` chooses the
task model by the costs that ``training_cost`` measures. No other room of ``task_models`` imports from here.
"""
