"""What users' own tests can be made of: slow storage, models, invariants and Hypothesis strategies.

Only ``LatencyStorage`` comes without Hypothesis; ``pip install 'frazil[testing]'`` brings that.
"""

from frazil.testing.latency import LatencyStorage

__all__ = ["LatencyStorage"]
