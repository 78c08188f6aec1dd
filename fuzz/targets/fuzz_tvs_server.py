"""A target of OSS-Fuzz: the door `tvs_server` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("tvs_server", sys.argv[1:])
