"""The project's figures, each a ratio within one run; `make bench` prints them all."""
