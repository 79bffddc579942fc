"""`python -m nnspec` is the command line."""

from nnspec.cli import main

main(prog_name="nnspec")
