"""Structured fuzzing of trust validation: strategies, a naive decoder, a model of whom to trust.

For hypothesis, and for whoever wants files that are nearly right. See fuzz/README.md.
"""
