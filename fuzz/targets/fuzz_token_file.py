"""A target of OSS-Fuzz: the door `token_file` of `fuzz.doors`."""

import sys

from fuzz.guided import fuzz_target

if __name__ == "__main__":
    fuzz_target("token_file", sys.argv[1:])
