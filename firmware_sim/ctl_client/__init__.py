"""The CTL Client without its network: what it makes of a cluster, its CTL and tokens."""
