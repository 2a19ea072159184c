"""Turns an office file into a PDF with LibreOffice, where a machine has it: the Word report as somebody will print it.

Such a PDF is no part of an edition: it depends on LibreOffice's version and on the fonts of the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from onestop.errors import OnestopError

PROGRAMS = ("soffice", "libreoffice")
_LONGEST = 180  # seconds; the first start of a new profile takes ten


def program() -> str | None:
    """The program's path; None where it is not installed."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def to_pdf(content: bytes, suffix: str) -> bytes:
    """The PDF of a file. suffix: what it is, as in `.docx`.

    Raises:
        OnestopError: LibreOffice is not installed, or cannot read the file.
    """
    found = program()
    if found is None:
        raise OnestopError(
            "LibreOffice is not installed here, so Word files cannot be turned into PDF",
            next_step="install it (Debian, Ubuntu: apt install libreoffice-writer); bao-cao.pdf needs none",
        )
    with tempfile.TemporaryDirectory(prefix="onestop-office-") as place:
        folder = Path(place)
        (folder / f"file{suffix}").write_bytes(content)
        # A profile of its own: neither another window that is open nor its settings take part, and macros stay off.
        options = [
            "--headless",
            "--norestore",
            "--nolockcheck",
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        ]
        try:
            done = subprocess.run(
                [found, *options, "--convert-to", "pdf", "--outdir", place, str(folder / f"file{suffix}")],
                capture_output=True,
                timeout=_LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise OnestopError(
                f"LibreOffice did not finish within {_LONGEST} seconds", next_step="open the file by hand"
            ) from None
        made = folder / "file.pdf"
        if not made.is_file():
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise OnestopError(
                f"LibreOffice made no PDF: {said[:300] or f'exit code {done.returncode}'}",
                next_step="open the file by hand; see that libreoffice-writer is installed, not only other parts of it",
            )
        return made.read_bytes()
