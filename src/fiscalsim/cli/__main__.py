"""Entry of `fiscalsim` as a module."""

from fiscalsim.cli import main

if __name__ == "__main__":
    main()
