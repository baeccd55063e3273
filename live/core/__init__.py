"""The pure core: what to play, given what was heard and when.

Nothing here reads a clock, opens a file or a port, or draws from a global source of randomness:
the same inputs at the same times give the same notes. ``live.improviser`` is the shell around it.
"""
