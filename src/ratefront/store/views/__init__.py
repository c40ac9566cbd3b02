"""What follows from a sweep's ledger: the rows of its table, its status, its summary, and its Pareto front.

The report, the terminal, trackers and the API import from here. Views are computed and returned; the report writes them
to files. Retention imports the front; nothing here may import retention.
"""
