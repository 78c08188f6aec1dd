"""Mutation testing of the decisions and the codecs: a changed program that no test notices."""
