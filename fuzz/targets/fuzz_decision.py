"""A target of OSS-Fuzz: the door `decision` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("decision", sys.argv[1:])
