"""The problem in its symmetry-reduced variables.

Classes of equal count and equal loss parameters are interchangeable, and the minimiser is unique,
so it is constant on blocks: with m groups of k_j classes and counts v_j, the logits are X[c, c'] =
B[g(c), g(c')] + a[g(c)] [c = c']. In the variables

    across (m, m):  Y = K^{1/2} B K^{1/2} V^{1/2} + diag(a sqrt(v)),        within:  s_j = a_j
    sqrt(v_j) for groups of k_j >= 2,

the nuclear norm of X N^{1/2} is ||Y||_* + sum_j (k_j - 1) |s_j|: m^2 + m unknowns, whatever k. A
label's column enters the loss by its *margins* R[i, j] = (logit of a class of group i) - (own
logit), of which there are `copies[i, j]` equal ones:

    loss = sum_j mass_j log(1 + sum_i copies[i, j] exp R[i, j]).

This keeps all digits when the fit is perfect up to 1e-8. Soft targets t have no own class: R is the
logits, the 1 is absent, and t'R is subtracted. `classes` and `contexts` are these two, `variables`
what they share.
"""

from __future__ import annotations

from lopsided.solve.reduced.point import Fit, Point
from lopsided.solve.reduced.variables import Reduced

__all__ = ["Fit", "Point", "Reduced"]
