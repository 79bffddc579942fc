"""The proof that the programs of a spec compute the same in every backend.

In: a spec, `settings.Settings`, and the processes of `nnspec.remote` or none. Out: a
`report.Report`. `verifier.py` runs the checks that `suite.py` lists; they share a `state.State`.
May import anything of the core but the command line, and no backend by name.
"""
