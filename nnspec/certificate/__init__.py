"""Certificates: what a verification found of one network, with all that it takes to replay it.

In: a spec, `verification.settings.Settings`, the place to write to. Out: an in-toto statement, and
a folder beside it with the files that it names. `certifying.py` runs the course: `evidence.py`
keeps what the verification loaded and computed, `control.py` injects faults that must be found,
`statement.py` says it all, `folder.py` writes and replays it. `replay/check_certificate.py` goes
into the folder: it imports nothing of nnspec. May import what `nnspec.verification` may, and that.
"""
