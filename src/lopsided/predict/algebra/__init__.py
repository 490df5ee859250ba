"""Algebra of the closed forms: roots of projected diagonals, secular equations, thresholds decided
to the last digit.
"""
