"""A target of OSS-Fuzz: the door `ctl_provider` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("ctl_provider", sys.argv[1:])
