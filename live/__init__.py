"""The performer: listens, continues, plays and records."""
