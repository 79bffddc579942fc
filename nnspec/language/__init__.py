"""The spec language: text in, a checked document out, each mistake at its line and column.

source reads YAML and JSON; document, scope and validation check all but the layers against the
classes of schema and training_schema; problems collects what is wrong. Imports layers and support.
"""
