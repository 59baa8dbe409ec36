"""`python -m rasl` is the `rasl` command."""

from rasl.cli import main

if __name__ == "__main__":
    main()
