"""The demonstration's source system as a process: `python -m onestop.platform.demo_source SCENARIO FOLDER PORT`.

The client's id and secret come from the environment, so that they stand on no command line.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from onestop.sandbox.main import serve


def main() -> None:
    """Make the sample province and serve it until SIGTERM."""
    scenario, folder, port = sys.argv[1:]
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    serve(
        scenario,
        Path(folder),
        port=int(port),
        client_id=os.environ["IGATE_CLIENT_ID"],
        client_secret=os.environ["IGATE_CLIENT_SECRET"],
        until=over,
    )


if __name__ == "__main__":
    main()
