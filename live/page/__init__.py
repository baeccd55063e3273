"""The stage page: see the session in a browser, play on it, steer it.

A process of its own. The parent (``link``) tells it what happens through an outbox and takes what
it asks for on a thread of its own, so that nobody ever waits for a page.
"""
