"""The demonstration's source systems as a process: `python -m onestop.platform.demo_source SCENARIO FOLDER PORT PORT PORT`.

The ports are the one-stop system's, the feedback system's and that of the SFTP server with the portal's files. What a
client must know, and the address of the database, come from the environment, so that they stand on no command line.
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
    scenario, folder, port, feedback_port, sftp_port = sys.argv[1:]
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    serve(
        scenario,
        Path(folder),
        port=int(port),
        client_id=os.environ["IGATE_CLIENT_ID"],
        client_secret=os.environ["IGATE_CLIENT_SECRET"],
        every_kind=True,
        feedback_port=int(feedback_port),
        api_key=os.environ["PAKN_API_KEY"],
        sql_dsn=os.environ["TREASURY_DSN"],
        sftp_port=int(sftp_port),
        sftp_password=os.environ["DVCQG_PASSWORD"],
        until=over,
    )


if __name__ == "__main__":
    main()
