"""Reading and writing by system calls: nothing lost, nothing twice, breaks told as Trio tells them."""

import os
import random
import socket
import struct
from contextlib import suppress

import pytest
import trio
import trio.testing

from ccflared.daemon import pipe

Pair = tuple[trio.SocketStream, trio.SocketStream]


async def tcp_pair() -> Pair:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        return client, await listener.accept()


async def test_much_more_than_fits_arrives_whole_at_a_slow_reader() -> None:
    near, far = await tcp_pair()
    dice = random.Random(1)
    sent = dice.randbytes(8_000_000)

    async def write() -> None:
        at = 0
        while at < len(sent):
            size = dice.choice((1, 100, 70_000, 3_000_000))
            await pipe.write(near, sent[at : at + size])
            at += size
        await near.send_eof()

    got = []
    async with near, far, trio.open_nursery() as nursery:
        nursery.start_soon(write)
        while data := await pipe.read(far):
            got.append(data)
            await trio.lowlevel.checkpoint()
    assert b"".join(got) == sent


async def test_a_read_that_was_cancelled_loses_nothing() -> None:
    near, far = await tcp_pair()
    async with near, far:
        with trio.move_on_after(0.01):
            await pipe.read(far)
        await pipe.write(near, b"something")
        assert await pipe.read(far) == b"something"


async def test_a_read_is_a_checkpoint_even_when_bytes_are_there() -> None:
    near, far = await tcp_pair()
    async with near, far:
        await pipe.write(near, b"something")
        with trio.testing.assert_checkpoints():
            await pipe.read(far)


async def test_the_end_is_nothing() -> None:
    near, far = await tcp_pair()
    async with far:
        await near.aclose()
        assert await pipe.read(far) == b""


async def test_a_reset_breaks_reading_and_writing() -> None:
    near, far = await tcp_pair()
    async with far:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await near.aclose()
        with pytest.raises(trio.BrokenResourceError) as raised:
            await pipe.read(far)
        assert isinstance(raised.value.__cause__, ConnectionResetError)
        with pytest.raises(trio.BrokenResourceError):
            await pipe.write(far, b"x")


async def test_what_was_closed_here_says_so_also_to_those_who_wait() -> None:
    near, far = await tcp_pair()
    async with near, far:
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await pipe.read(far)

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            far.socket.close()
        with pytest.raises(trio.ClosedResourceError):
            await pipe.read(far)
        with pytest.raises(trio.ClosedResourceError):
            await pipe.write(far, b"x")


async def test_a_write_that_does_not_fit_can_be_cancelled() -> None:
    near, far = await tcp_pair()
    async with near, far:
        with trio.move_on_after(0.05) as scope:
            await pipe.write(near, bytes(50_000_000))
        assert scope.cancelled_caught


async def test_a_connection_closed_while_it_was_to_be_read_reads_nobody_elses() -> None:
    async def race() -> None:
        mine, far = socket.socketpair()
        bell, ringer = socket.socketpair()
        others: list[socket.socket] = []
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(mine))
        wanted = mine.fileno()

        async def reader() -> None:
            with suppress(trio.ClosedResourceError):
                assert await pipe.read(stream) == b"mine"

        async def closer() -> None:
            await trio.lowlevel.wait_readable(bell)
            stream.socket.close()
            while not any(other.fileno() == wanted for other in others):
                others.extend(socket.socketpair())
            for other in others:
                other.send(b"somebody else's")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader)
            nursery.start_soon(closer)
            await trio.testing.wait_all_tasks_blocked()
            far.send(b"mine")
            ringer.send(b"!")
        for end in (far, bell, ringer, *others):
            end.close()

    for _ in range(40):  # which of two tasks that are ready comes first is left to chance
        await race()


async def test_a_connection_closed_between_waking_and_reading_never_reads_from_its_numbers_next_owner() -> (
    None
):
    for _ in range(30):  # which of two tasks woken together runs first is chance
        ours, peer = await tcp_pair()
        bell, rope = socket.socketpair()
        others: list[socket.socket] = []
        got: list[bytes] = []

        async def read(ours: trio.SocketStream, got: list[bytes]) -> None:
            with suppress(trio.ClosedResourceError):
                got.append(await pipe.read(ours))

        async def close_and_reuse(
            ours: trio.SocketStream, bell: socket.socket, others: list[socket.socket]
        ) -> None:
            await trio.lowlevel.wait_readable(bell)
            number = ours.socket.fileno()
            ours.socket.close()
            other, sender = socket.socketpair()
            sender.send(b"for somebody else")
            others += [other, sender]
            while others[-1].fileno() != number and len(others) < 50:
                others.append(other.dup())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, ours, got)
            nursery.start_soon(close_and_reuse, ours, bell, others)
            await trio.testing.wait_all_tasks_blocked()
            os.write(peer.socket.fileno(), b"for ours")
            rope.send(b"!")
        assert got in ([], [b"for ours"])
        for one in [*others, bell, rope]:
            one.close()
        await peer.aclose()
