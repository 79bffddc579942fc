"""Rows: a table or arrays in, checked, split and standardised inputs and targets out.

Every row is held to the network's domain, with file, row and column where it breaks it. Imports
network, language and support.
"""
