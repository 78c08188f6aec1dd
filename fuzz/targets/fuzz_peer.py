"""A target of OSS-Fuzz: the door `peer` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("peer", sys.argv[1:])
