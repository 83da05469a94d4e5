"""Lets `python -m ccsync` run the program."""

from ccsync.cli.app import main

if __name__ == "__main__":
    main()
