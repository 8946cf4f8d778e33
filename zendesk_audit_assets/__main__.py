"""The program `zendesk-audit`, also as `python -m zendesk_audit_assets`."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130 and without a trace, also while it still loads."""
    try:
        from zendesk_audit_assets.cli import main  # loads libraries, which takes a while

        main()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
