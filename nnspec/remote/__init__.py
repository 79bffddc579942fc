"""Frameworks in processes of their own: they work at the same time, and one may die alone."""
