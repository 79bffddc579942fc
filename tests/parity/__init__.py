"""The parity table: each optimizer with each schedule, clipping, penalty and accumulation.

`python -m tests.parity -n 2` trains every row in PyTorch and in Keras and prints the worst one.
"""
