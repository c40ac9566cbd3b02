"""Parts of the reference model: each follows a ledger and says what is wrong in it, by simpler means than the engine.

``reference_model`` imports them. They import events, records and ``pareto``; nothing of the engine may be imported.
"""
