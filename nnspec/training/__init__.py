"""The epochs of a run: a spec, a backend and rows in, a folder of weights and its history out.

Imports backend, data, weights and what they import; any program that trains will do.
"""
