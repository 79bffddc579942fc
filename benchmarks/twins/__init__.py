"""Networks of specs/ as written by hand, with nothing of nnspec: what the emitted code is up to."""
