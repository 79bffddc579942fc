"""`python -m nnspec` is the command line."""

from nnspec.cli import main

if __name__ == "__main__":
    main(prog_name="nnspec")
