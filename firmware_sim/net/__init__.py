"""The lab's servers: the only part of `firmware_sim` with trio and sockets."""
