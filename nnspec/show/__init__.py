"""A graph in; a table of its layers, a picture, or the JSON Schema of the language out.

Imports network, library, language and layers.
"""
