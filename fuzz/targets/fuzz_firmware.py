"""A target of OSS-Fuzz: the door `firmware` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("firmware", sys.argv[1:])
