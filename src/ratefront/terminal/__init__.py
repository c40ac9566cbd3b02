"""What a terminal or a notebook's cell shows: the progress of a sweep, its status, and phrases for both.

``api`` and ``cli`` import displays, consoles and phrases from here. This room reads ``history``,
``trial_records`` and the views of ``store``. It must not import ``orchestrate``, ``simulate``, or torch.
"""
