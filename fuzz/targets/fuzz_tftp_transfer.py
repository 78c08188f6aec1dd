"""A target of OSS-Fuzz: the door `tftp_transfer` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("tftp_transfer", sys.argv[1:])
