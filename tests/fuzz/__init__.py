"""Strange input, made by chance or guided by coverage: ``python -m tests.fuzz TARGET``."""
