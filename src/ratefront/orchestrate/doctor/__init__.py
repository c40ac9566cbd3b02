"""Looks whether a sweep would run: this machine, or each node of a cluster, and what the sweep file needs there.

``ratefront.api`` imports ``examine_apart``, which works in a process of its own, so that no check can hang or end the
caller's. ``node_state``, ``usable_gpus`` and ``open_ports`` are sent to nodes by value: they import the standard
library only. The checks change nothing: no sweep, experiment or database is made, and folders that a probe needs are
removed again.
"""
