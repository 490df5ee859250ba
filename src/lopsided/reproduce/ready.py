"""Ready: what would stop a training run is found out before it starts, and before anything large is
allocated.
"""

from __future__ import annotations

from lopsided import memory, needs
from lopsided.reproduce import data
from lopsided.reproduce.context import Place
from lopsided.reproduce.settings import Training

#: The least images that there can be, for what can be said before the data is read.
_LEAST = (1, 1, 1)


def to_train(settings: Training, place: Place) -> None:
    """Find out whether a run can start, as far as that can be told without reading its data.

    Raises:
        ValueError: if the device is not there, or the network cannot fit its memory.
        FileNotFoundError: if there is no such data set.
    """
    data.require(settings.dataset, place.data)
    require_memory(settings, _LEAST)


def require_memory(settings: Training, shape: tuple[int, int, int]) -> None:
    """Refuse a network whose parameters, with their gradients and momenta, are larger than the
    memory of its device.

    Args:
        settings: of the run.
        shape: (channels, height, width) of an image.

    Raises:
        ValueError: if the network does not fit, or the device is not there.
    """
    torch = needs.torch()
    from lopsided.reproduce.network.models import MODELS
    from lopsided.reproduce.network.parallel import device_of

    device = device_of(settings.device)
    there = (
        torch.cuda.get_device_properties(device).total_memory
        if device.type == "cuda"
        else memory.available()
    )
    with torch.device("meta"):
        body, _ = MODELS[settings.model](shape, settings.width, settings.depth)
    needed = 3 * sum(parameter.nbytes for parameter in body.parameters())
    if needed > there:
        raise ValueError(
            f"a network of width {settings.width:,} and depth {settings.depth} needs"
            f" {needed / 2**30:,.0f} GiB for its parameters, gradients and momenta, there are"
            f" {there / 2**30:,.0f} GiB: take a smaller one"
        )
