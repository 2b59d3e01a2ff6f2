"""Optimizers that know the curvature: quasi-Newton on the full batch, Newton and K-FAC."""
