"""A target of OSS-Fuzz: the door `capf_transcript` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("capf_transcript", sys.argv[1:])
