"""Judges files that nnspec has not written: whether they compute what a spec says, and where not.

A backend opens files of its framework (`Backend.reads`, `Backend.open_file`) in a process of its
own, and gives a `Foreign`: what it takes and holds, its outputs, its gradients, and a trace of
every operation with its place in the file. All else is done here, without a framework.
"""
