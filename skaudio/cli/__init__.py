"""The command ``skaudio``: the library from a shell.

Each command is a few calls of the library; ``skaudio COMMAND --help`` describes it.
"""

import sys

from skaudio.exceptions import MissingDependencyError

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point of the package."""
    try:
        from skaudio.cli._app import run
    except MissingDependencyError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    run()
