"""What is said to people never waits for them: bounded, in order, its losses counted."""

from __future__ import annotations

import fcntl
import os
import re
import select
import threading
import time
from collections.abc import Iterator

import pytest

from chaostui.writer import LIMIT, Stream, Writer
from tests.wait import until

LINE = "x" * 999 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: its reading end and its writing end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def drain(fd: int) -> str:
    """Read all that comes until nothing has come for a moment."""
    read = b""
    while select.select((fd,), (), (), 0.3)[0]:
        read += os.read(fd, 1 << 20)
    return read.decode()


def test_what_is_put_is_written_in_order(pipe: tuple[int, int]) -> None:
    """A thousand lines of two threads arrive, none of them torn."""
    writer = Writer(pipe[1])

    def say(name: str) -> None:
        for number in range(500):
            writer.put(f"{name} {number}\n")

    threads = [threading.Thread(target=say, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = drain(pipe[0]).splitlines()

    assert [line for line in lines if line[0] == "a"] == [f"a {n}" for n in range(500)]
    assert len(lines) == 1000


def test_a_reader_that_does_not_read_costs_lines_and_no_time(pipe: tuple[int, int]) -> None:
    """What is over the bound is dropped; once it is read again, their number is told."""
    writer = Writer(pipe[1])
    count = 3 * LIMIT // len(LINE)
    for _ in range(count):
        writer.put(LINE)
    assert not writer.flush(0.05)
    lines = drain(pipe[0]).splitlines()
    kept = lines.count(LINE[:-1])
    told = [
        int(n)
        for n in re.findall(r"^(\d+) lines were lost: nobody", "\n".join(lines), re.MULTILINE)
    ]

    assert LIMIT - len(LINE) <= kept * len(LINE) <= LIMIT + 256 * 1024
    assert sum(told) == count - kept


def test_a_disk_that_is_full_costs_lines_alone() -> None:
    """Each write fails; the losses are counted."""
    fd = os.open("/dev/full", os.O_WRONLY)
    writer = Writer(fd)
    for _ in range(100):
        writer.put(LINE)

    assert writer.flush(5)
    until(lambda: writer.lost == 100)
    os.close(fd)


def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for(
    pipe: tuple[int, int],
) -> None:
    """Terminals are shared, and some programs leave them so: nothing is lost."""
    fcntl.fcntl(pipe[1], fcntl.F_SETFL, fcntl.fcntl(pipe[1], fcntl.F_GETFL) | os.O_NONBLOCK)
    writer = Writer(pipe[1])
    for _ in range(200):
        writer.put(LINE)

    assert drain(pipe[0]) == LINE * 200
    assert writer.lost == 0


def test_a_flush_gives_up_where_nobody_reads(pipe: tuple[int, int]) -> None:
    """It waits while there is progress, and not for ever where there is none."""
    writer = Writer(pipe[1])
    for _ in range(200):
        writer.put(LINE)
    began = time.monotonic()

    assert not writer.flush(60)
    assert time.monotonic() - began < 30
    drain(pipe[0])
    assert writer.flush(5)


def test_a_stream_is_as_good_as_standard_error(pipe: tuple[int, int]) -> None:
    """``print`` writes to it, unreadable characters are escaped, bytes go to its buffer."""
    stream = Stream(Writer(pipe[1]))
    print("naïve", "\ud800", file=stream, flush=True)

    assert drain(pipe[0]) == "naïve \\ud800\n"
    assert stream.buffer.write(memoryview(b"bytes\n")) == 6
    assert drain(pipe[0]) == "bytes\n"
    assert stream.fileno() == stream.buffer.fileno() == pipe[1]
    assert not stream.isatty()
    with pytest.raises(TypeError, match="takes str, not bytes"):
        stream.write(b"x")  # type: ignore[arg-type]
