"""Tools that know nothing of networks: whole files, keyed random numbers, causes of errors.

Imports errors alone.
"""
