"""A checked document in, the graph of the network out: blocks opened, values wired, shapes found.

loader is the door (load, loads, check, Spec), graph the result; domain and ids say what numbers the
network takes, heads and advice read the graph. Imports language, library, layers and support.
"""
