"""The conversation of CTL Client and CTL Provider (TCP 2444), ours and without I/O."""
