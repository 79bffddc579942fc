"""What the source backends share: a graph and a backend's table in, Python source text out.

Imports network, language, training (the order of rows) and backend.
"""
