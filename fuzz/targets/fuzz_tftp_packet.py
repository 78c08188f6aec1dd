"""A target of OSS-Fuzz: the door `tftp_packet` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("tftp_packet", sys.argv[1:])
