"""Canonical weights: the first ones drawn, a file read or written, other programs' names fitted.

A graph goes in; arrays by their path in the spec come out. Imports network and what it imports.
"""
