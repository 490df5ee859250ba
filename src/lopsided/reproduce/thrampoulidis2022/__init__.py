"""Claims of "Imbalance Trouble: Revisiting Neural-Collapse Geometry" (Thrampoulidis, Kini, Vakilian, Behnia, NeurIPS 2022).

arXiv 2208.05512.

One file a claim; settings are the published ones unless a docstring says otherwise.
"""
