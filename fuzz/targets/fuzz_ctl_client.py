"""A target of OSS-Fuzz: the door `ctl_client` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("ctl_client", sys.argv[1:])
