"""A target of OSS-Fuzz: the door `trust_list` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("trust_list", sys.argv[1:])
