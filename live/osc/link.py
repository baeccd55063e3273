"""OSC beside a session, as its settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from live.errors import UserError
from live.osc.settings import LOOPBACK, OscSettings
from live.settings import LIVE

if TYPE_CHECKING:
    from live.session import Session


@contextmanager
def osc(settings: OscSettings, session: Session) -> Iterator[None]:
    """Let other programs steer a session while the context lasts; nothing where it is off.

    Raises:
        UserError: python-osc is not installed, or an address is wrong or taken.
    """
    if not settings.port:
        yield
        return
    try:
        from live.osc.feedback import Feedback
        from live.osc.server import OscServer
    except ImportError as error:
        raise UserError('OSC needs python-osc: pip install "continuo[osc]"') from error
    with ExitStack() as ending:
        feedback = Feedback(settings.feedback) if settings.feedback else None
        if feedback is not None:
            ending.callback(feedback.close)
        server = OscServer(
            settings,
            session,
            LIVE,
            session.tell,
            lambda: feedback.send(session.values()) if feedback is not None else None,
        )
        ending.callback(server.close)
        host, port = server.address
        reach = "" if host in (LOOPBACK, "::1") else "; whoever reaches this address can play"
        session.tell(f"OSC on {host}, port {port}{reach}")
        if feedback is not None:
            ending.callback(session.watch(feedback.take))
            feedback.send(session.values())
        yield
