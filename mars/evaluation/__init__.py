"""Strategies on a set of cases: refusals, false refusals, utility."""
