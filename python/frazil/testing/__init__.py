"""What users' own tests can be made of: slow storage, models, invariants and Hypothesis strategies.

Only ``LatencyStorage`` comes without Hypothesis; ``pip install 'frazil[testing]'`` brings that.
"""

from typing import TYPE_CHECKING

from frazil.lazy import submodules
from frazil.testing.latency import LatencyStorage

if TYPE_CHECKING:
    from frazil.testing import invariants as invariants
    from frazil.testing import models as models
    from frazil.testing import strategies as strategies
    from frazil.testing import trees as trees
    from frazil.testing import utils as utils
else:
    __getattr__ = submodules(
        "frazil.testing",
        {name: f"frazil.testing.{name}" for name in ("invariants", "models", "strategies", "trees", "utils")},
    )

__all__ = ["LatencyStorage"]
