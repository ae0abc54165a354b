"""``python -m frazil.cli`` is the command ``frazil``."""

from frazil.cli import main

if __name__ == "__main__":
    main()
