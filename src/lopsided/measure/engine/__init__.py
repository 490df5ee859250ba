"""Engines: where a measurement of stored features is done, on this machine or past it.

`work` says what is to be done, `tree` in which order answers are merged; `here`, `futures`,
`cluster` and `rays` do it. No module but these knows an engine.
"""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from lopsided.measure.engine.cluster import Cluster
from lopsided.measure.engine.futures import Given, Pool
from lopsided.measure.engine.here import Here
from lopsided.measure.engine.rays import Rays
from lopsided.measure.engine.work import Engine


def engine_of(engine: Any) -> Engine:
    """Return the engine that is meant by what people have.

    Args:
        engine: `None` or 1 for this process; a number of processes; an executor of
            `concurrent.futures`; a client of Dask, the address of its scheduler
            ("tcp://HOST:PORT", "tls://HOST:PORT") or the path of its file, FILE.json; the module
            `ray` after `ray.init`; or an `Engine`.

    Raises:
        ValueError: if it is none of these.
        ImportError: if Dask is not installed.
        OSError: if no scheduler answers.
    """
    if engine is None:
        return Here()
    if isinstance(engine, int | np.integer) and not isinstance(engine, bool) and engine > 0:
        return Here() if engine == 1 else Pool(int(engine))
    if isinstance(engine, Executor):
        return Given(engine)
    if isinstance(engine, str | Path):
        if str(engine).startswith(("tcp://", "tls://")):
            return Cluster(str(engine))
        if str(engine).endswith(".json") and Path(engine).is_file():
            return Cluster(Path(engine))
    elif hasattr(engine, "scheduler_info"):
        return Cluster(engine)
    elif getattr(engine, "__name__", "") == "ray":
        return Rays(engine)
    elif hasattr(engine, "run"):
        found: Engine = engine
        return found
    raise ValueError(
        "an engine is a number of processes, an executor, a Dask client, the address of a scheduler"
        f" (tcp://HOST:PORT), an existing FILE.json of one, or ray; got {engine!r}"
    )
