"""Definitions with which a training script reads its rows, as `nnspec train` does.

Each definition is copied as it stands here into a script that uses it. Names in capitals
are constants that the script has, or that it decides: see `nnspec.emit.specialised`.
"""
