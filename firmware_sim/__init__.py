"""Firmware under simulation: the cluster that phones boot against, its servers, the lab.

No rule of trust lives here: this side makes and serves files, the phone judges them.
"""
