"""The agent's loop: takes connections, reads requests, sends what they are answered with."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
from collections.abc import Callable

import msgspec

from scheduler.protocol import PROTOCOL_VERSION, Refused, Reply, Request, decode_request, encode
from workers.connection import Connection, ConnectionBroken, peer_uid
from workers.wakeups import Wakeups

logger = logging.getLogger(__name__)

Answer = Callable[[Request, list[int]], Reply]


class Server:
    """Serves peers of `allowed_uids` until SIGTERM or SIGINT."""

    def __init__(self, listener: socket.socket, allowed_uids: frozenset[int], answer: Answer, wakeups: Wakeups) -> None:
        self._listener = listener
        self._allowed_uids = allowed_uids
        self._answer = answer
        self._wakeups = wakeups
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wakeups, selectors.EVENT_READ)

    def run(self) -> None:
        while not {signal.SIGTERM, signal.SIGINT} & self._wakeups.heard():
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, Connection):
                    self._attend(key.fileobj)

    def _accept(self) -> None:
        try:
            connected, _ = self._listener.accept()
        except OSError as error:
            logger.warning("a connection was not accepted: %s", error)
            return
        uid = peer_uid(connected)
        if uid not in self._allowed_uids:
            logger.warning("uid %d may not give orders here and was turned away", uid)
            connected.close()
            return
        self._selector.register(Connection(connected), selectors.EVENT_READ)

    def _attend(self, connection: Connection) -> None:
        try:
            if connection.is_owed:
                connection.flush()
            else:
                for line, descriptors in connection.receive():
                    connection.send(self._reply(line, descriptors))
        except ConnectionBroken as broken:
            logger.debug("a peer is let go: %s", broken)
            self._selector.unregister(connection)
            connection.close()
            return
        interest = selectors.EVENT_WRITE if connection.is_owed else selectors.EVENT_READ
        self._selector.modify(connection, interest)

    def _reply(self, line: bytes, descriptors: list[int]) -> bytes:
        """One line for one line, whatever came; descriptors end here, the supervisor has its own copy."""
        number = 0
        try:
            number, request = decode_request(line)
            return encode(number, self._answer(request, descriptors))
        except (msgspec.DecodeError, RecursionError) as error:
            return encode(number, Refused(f"not a request of protocol {PROTOCOL_VERSION}: {error}"))
        except Exception:
            # A mistake of ours in one request must not cost the others their agent.
            logger.exception("a request was not answered")
            return encode(number, Refused("the agent made a mistake; its log says which"))
        finally:
            for fd in descriptors:
                os.close(fd)
