"""Benchmarks: each beside the peer that it is measured against. `python -m bench.run`."""
