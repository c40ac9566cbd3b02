"""What simulated trials do: the durations, reports and results that a simulated worker plays back.

``SimulatedProblem`` is the protocol, ``SyntheticProblem`` and ``RecordedTable`` are the two problems. The simulator and
the fault rig import them. This room takes records, the sweep's space and the store; it knows neither the cluster nor
virtual time.
"""
