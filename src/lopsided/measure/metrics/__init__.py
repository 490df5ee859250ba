"""The metrics: each a pure function of moments, geometry, head or decisions; a new one is a function and a line in METRICS."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lopsided.measure.metrics.answers import error_rates, smallest_margins
from lopsided.measure.metrics.within import nc1


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        function: the pure function; its arguments without default say what it needs, the others are its conventions.
        title: what it tells, for tables.
    """

    function: Callable[..., Any]
    title: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of what the function reads: moments, geometry, weight, bias, decisions."""
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(p.name for p in parameters if p.default is inspect.Parameter.empty)


METRICS: dict[str, Metric] = {
    "nc1": Metric(nc1, "within-class over between-class scatter"),
    "error_rates": Metric(error_rates, "share of wrong answers"),
    "smallest_margins": Metric(smallest_margins, "smallest margin of a sample"),
}
