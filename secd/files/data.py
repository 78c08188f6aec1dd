"""Reads the phone models that are shipped inside the package."""

import tomllib
from functools import cache
from importlib.resources import files

from secd.models.loading import ModelCatalogue, load_models


@cache
def model_catalogue() -> ModelCatalogue:
    """Return the models of `secd/models/data`; parsed once."""
    folder = files("secd.models").joinpath("data")
    return load_models(
        {
            entry.name: tomllib.loads(entry.read_text(encoding="utf-8"))
            for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
            if entry.name.endswith(".toml")
        }
    )
