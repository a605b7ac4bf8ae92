"""`python -m retort` is the command `retort`."""

from retort.cli.main import main

if __name__ == "__main__":
    main(prog_name="retort")
