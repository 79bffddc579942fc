"""What knows nothing of networks: files written whole, keyed random numbers, causes of errors.

Imports errors alone.
"""
