"""A target of OSS-Fuzz: the door `http_request` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("http_request", sys.argv[1:])
