"""A target of OSS-Fuzz: the door `mapping` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("mapping", sys.argv[1:])
