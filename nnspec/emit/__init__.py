"""The shared part of the source backends: a graph and a backend's table in, Python source out.

Imports network, language, training (the order of rows) and backend.
"""
