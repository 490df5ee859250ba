"""lopsided predict."""

from __future__ import annotations

from dataclasses import dataclass

from lopsided.cli.classes import Classes


@dataclass(frozen=True)
class Predict:
    """Predict the geometry that a loss converges to on given class counts."""

    classes: Classes
    json: bool = False
    """print JSON"""

    def run(self) -> None:
        """Print the prediction."""
        from lopsided import predict

        print(predict.seli(self.classes.resolve()).to_dict())
