"""What heads tell of themselves: sizes under PyTorch's own names, and a line for `print`."""

from __future__ import annotations

from torch import Tensor, nn


class Sized(nn.Module):
    """A head with a (k, d) `weight`."""

    weight: Tensor

    @property
    def in_features(self) -> int:
        """Feature dimensions d."""
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        """Classes k."""
        return int(self.weight.shape[0])

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}"
