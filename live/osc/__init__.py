"""A second way in for other programs: Open Sound Control, over UDP (``continuo[osc]``)."""
