"""Whole boots under bad conditions: power that fails, networks that lose, months without rest."""
