"""Figures that claims share: quantities against epochs and ratios, losses beside each other."""
