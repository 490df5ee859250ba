"""Descend: paths of descent, by Newton and by first-order methods."""
