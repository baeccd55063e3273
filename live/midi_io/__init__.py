"""The process that owns the MIDI ports: thru, deadlines, note ledger, recording journal.

It does no inference, serves no page and converts no file: nothing here may make a note wait.
"""
