"""What a process uses: memory, files, the page cache, time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_SAMPLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Memory:
    """Proportional set size in bytes: a shared page is divided among the processes that share it.

    `own` is the anonymous part. The rest are pages of mapped files, which the system may take back
    at any time.
    """

    pss: int = 0
    own: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.pss + other.pss, self.own + other.own)

    def higher(self, other: Memory) -> Memory:
        """The higher value of each of the two figures."""
        return Memory(max(self.pss, other.pss), max(self.own, other.own))


def memory(pid: int) -> Memory:
    """The memory of a process and of all processes that it started."""
    return sum((own_memory(each) for each in family(pid)), Memory())


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except OSError:
                continue  # it has ended meanwhile
    return found


def own_memory(pid: int) -> Memory:
    """The memory of a process alone; zero once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return Memory()  # it has ended meanwhile
    sizes = {line.split(":")[0]: line.split()[1] for line in lines[1:]}
    return Memory(int(sizes.get("Pss", 0)) * 1024, int(sizes.get("Pss_Anon", 0)) * 1024)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and of the processes that it started and waited for; 0.0 once it
    has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return 0.0
    # The name, in brackets, may contain blanks. Fields 14 to 17 of proc(5) are utime, stime,
    # cutime and cstime.
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor time of all processes on this machine since it was started."""
    words = Path("/proc/stat").read_text("ascii").split(maxsplit=9)
    user, nice, system, _idle, _waiting, irq, softirq, stolen = map(int, words[1:9])
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


def high_water(pid: int) -> int:
    """The highest resident size of a process in bytes (`VmHWM`), with pages of mapped and shared
    files; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(sizes[0]) * 1024 if sizes else 0


def watched(command: Sequence[str]) -> Memory:
    """Run a command to its end. Returns the highest memory of it and its children, read five times
    a second. Raises `subprocess.CalledProcessError` if it fails."""
    peak = Memory()
    process = subprocess.Popen(command)
    try:
        while process.poll() is None:
            peak = peak.higher(memory(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SAMPLE_SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return peak


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def size(folder: Path) -> int:
    """Bytes of an index."""
    return sum(path.stat().st_size for path in files(folder))


def drop_pages(folder: Path) -> None:
    """Remove a folder's files from the page cache, so that the next reader reads from the disk.
    No process may have them mapped."""
    for path in files(folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # pages that are not written yet would stay
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def quantile(times: Iterable[float], share: float) -> float:
    """The quantile of these times; 0.0 if there are none."""
    found = list(times)
    return float(np.quantile(found, share)) if found else 0.0


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # a command's progress
