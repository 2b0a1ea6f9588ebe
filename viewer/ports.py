"""Ports to listen at, found before a server is asked: viser's waits for ever where it cannot have one."""

import errno
import os
import socket

from core.errors import UserError

LARGEST_PORT = 65_535


def free_port(host: str, port: int) -> int:
    """The first port from a given one on that a server can listen at.

    Args:
        host: an address of this computer, or its name.
        port: to begin with; 0, which stands for any, is returned as it is.

    Raises:
        UserError: the host is none of this computer's, or no port from there on is free.
    """
    try:
        places = [
            (family, at)
            for family, *_, at in socket.getaddrinfo(
                host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            if _is_known(family)
        ]
        if not places:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        for candidate in range(port, LARGEST_PORT + 1) if port else [0]:
            if all(_is_free(family, (at[0], candidate, *at[2:])) for family, at in places):
                return candidate
        raise OSError(errno.EADDRINUSE, "no port from there on is free")
    except (OSError, ValueError) as error:  # a name that is none, such as 0.0.0..0, is a ValueError
        raise cannot_listen(host, port, error) from error


def cannot_listen(host: str, port: int, error: OSError | ValueError) -> UserError:
    """The sentence for an address that cannot be had.

    Args:
        host: that was to be listened at.
        port: of it.
        error: what the operating system said.
    """
    reason = getattr(error, "strerror", None) or error
    return UserError(f"cannot listen at {host}:{port} ({reason}); choose another address or port")


def _is_known(family: int) -> bool:
    """Whether the operating system has that family of addresses; some have no IPv6."""
    try:
        socket.socket(family).close()
    except OSError:
        return False
    return True


def _is_free(family: int, address: tuple[object, ...]) -> bool:
    """Whether an address can be listened at.

    Raises:
        OSError: it cannot, for another reason than that somebody else does.
    """
    try:
        socket.create_server(address, family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise OSError(error.errno, os.strerror(error.errno or 0)) from error
    return True
