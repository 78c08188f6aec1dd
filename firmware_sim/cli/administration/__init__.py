"""`firmware-sim cluster`, `show`, `set`, `utils`, `file`, `check`: an administrator's commands."""

from firmware_sim.cli.administration.check import check
from firmware_sim.cli.administration.cluster import cluster
from firmware_sim.cli.administration.file import file
from firmware_sim.cli.administration.setting import set_group
from firmware_sim.cli.administration.show import show
from firmware_sim.cli.administration.utils import utils

__all__ = ["check", "cluster", "file", "set_group", "show", "utils"]
