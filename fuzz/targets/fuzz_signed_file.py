"""A target of OSS-Fuzz: the door `signed_file` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("signed_file", sys.argv[1:])
