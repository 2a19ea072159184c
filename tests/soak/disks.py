"""Small disks, in memory, that can be filled: where root may mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCAL_MEGABYTES = 900  # the database with its log of changes and the kept states, what dbt writes, reports
LANDING_MEGABYTES = 8


def may_mount() -> bool:
    """Whether small disks can be made here: root with the right to mount."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    try:
        with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder) / "disk", 1):
            return True
    except subprocess.CalledProcessError:
        return False


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own at a folder, in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)],
        check=True,
        capture_output=True,
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(disk: Path, left_kilobytes: int) -> Iterator[None]:
    """No more room on a disk than this, as long as the block lasts."""
    ballast = disk / "ballast"
    found = os.statvfs(disk)
    size = found.f_bavail * found.f_frsize - left_kilobytes * 1024
    try:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        yield
    finally:
        ballast.unlink(missing_ok=True)
