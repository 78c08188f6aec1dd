"""A target of OSS-Fuzz: the door `http_response` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("http_response", sys.argv[1:])
