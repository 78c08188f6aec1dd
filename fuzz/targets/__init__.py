"""One file for each door, as OSS-Fuzz wants them (fuzz/oss-fuzz)."""
