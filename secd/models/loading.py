"""Phone models from their data: parsed TOML in, `Model` values out.

A file describes one generation:

    generation = "P1"
    [defaults]      values of every model of the generation
    [[model]]       name, default_load, sure, source, values
    [[load]]        models, names, prefixes, source, values

A model's values are the defaults, overridden by its own, overridden by those of the load. A load
is known if an entry names it or, failing that, if it starts with a prefix of an entry; the longest
prefix counts. Every model is put together under every entry when the data is read, so that a
wrong value shows at once and not at some phone's boot. What is in the files is not decided here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from secd.errors import UnusableInput
from secd.models.model import Generation, Model
from secd.models.values import (
    CERTAINTIES,
    Table,
    Values,
    build_model,
    parse_values,
    text,
    texts,
)

_FILE_KEYS = frozenset({"generation", "defaults", "model", "load"})
_MODEL_KEYS = frozenset({"name", "default_load", "sure", "source", "values"})
_LOAD_KEYS = frozenset({"models", "names", "prefixes", "source", "values"})
_SPELLING = re.compile(r"(?:CP-)?(\d{4})(?:G|GE|G-GE)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LoadEntry:
    """Firmware loads of some models. names -- whole names. prefixes -- how further ones begin."""

    models: frozenset[str]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    values: Values

    def strength(self, load: str) -> int:
        """Tell how well this entry fits a load: 0 not at all, above that the better."""
        if load in self.names:
            return 2 * len(load) + 1
        return max((len(prefix) for prefix in self.prefixes if load.startswith(prefix)), default=0)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model. values -- the generation's defaults under its own."""

    name: str
    generation: Generation
    default_load: str
    values: Values


@dataclass(frozen=True, slots=True)
class ModelCatalogue:
    """All models and loads that the data knows."""

    models: Mapping[str, ModelEntry]
    load_entries: tuple[LoadEntry, ...]

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, in order."""
        return tuple(sorted(self.models))

    def loads(self, name: str) -> tuple[str, ...]:
        """Return the loads that a model is known under; `*` ends a prefix."""
        found: list[str] = []
        for entry in self._entries_of(self._entry(name)):
            found += entry.names
            found += [f"{prefix}*" for prefix in entry.prefixes]
        return tuple(sorted(found))

    def find(self, name: str, load: str | None = None) -> Model:
        """Return a model under a load, or under its default one.

        name -- the number on the phone, also spelled as `7961G` or `CP-7961G`. Raises
        UnusableInput that lists what is known.
        """
        model = self._entry(name)
        wanted = model.default_load if load is None else load
        best = max(self._entries_of(model), key=lambda entry: entry.strength(wanted))
        if not best.strength(wanted):
            known = ", ".join(self.loads(model.name))
            raise UnusableInput(f"no load {wanted!r} of a {model.name} is known; known: {known}")
        return _build(model, best, wanted)

    def _entry(self, name: str) -> ModelEntry:
        spelled = _SPELLING.fullmatch(name.strip())
        number = spelled.group(1) if spelled else name
        if number not in self.models:
            raise UnusableInput(f"no model {name!r} is known; known: {', '.join(self.names())}")
        return self.models[number]

    def _entries_of(self, model: ModelEntry) -> list[LoadEntry]:
        return [entry for entry in self.load_entries if model.name in entry.models]


def load_models(tables: Mapping[str, object]) -> ModelCatalogue:
    """Read the files of all generations, by file name; raises UnusableInput for a wrong one."""
    models: dict[str, ModelEntry] = {}
    loads: list[LoadEntry] = []
    for where, file in tables.items():
        table = _table(file, where)
        _refuse_unknown(table, _FILE_KEYS, where)
        for model in _parse_models(table, where):
            if model.name in models:
                raise UnusableInput(f"{where}: a second model {model.name!r}")
            models[model.name] = model
        loads += _parse_loads(table, where)
    catalogue = ModelCatalogue(models, tuple(loads))
    _check(catalogue)
    return catalogue


def _check(catalogue: ModelCatalogue) -> None:
    for entry in catalogue.load_entries:
        for name in sorted(entry.models):
            if name not in catalogue.models:
                raise UnusableInput(f"a load names the model {name!r}, which no file describes")
            _build(catalogue.models[name], entry, (*entry.names, *entry.prefixes)[0])
    for model in catalogue.models.values():
        if not any(
            e.strength(model.default_load) for e in catalogue.load_entries if model.name in e.models
        ):
            raise UnusableInput(
                f"model {model.name}: no load entry fits its default {model.default_load!r}"
            )


def _build(model: ModelEntry, load: LoadEntry, load_name: str) -> Model:
    values = {**model.values, **load.values}
    where = f"model {model.name} under {load_name}"
    return build_model(model.name, model.generation, load_name, values, where)


def _parse_models(file: Table, where: str) -> Iterator[ModelEntry]:
    generation = _generation(file.get("generation"), where)
    defaults = parse_values(_table(file.get("defaults"), f"{where}, defaults"), where)
    for place, table in _tables(file, "model", where):
        _refuse_unknown(table, _MODEL_KEYS, place)
        if table.get("sure") not in CERTAINTIES:
            raise UnusableInput(f"{place}: 'sure' must say how sure the default load is")
        text(table.get("source"), f"{place}, source")
        own = parse_values(_table(table.get("values", {}), place), place)
        yield ModelEntry(
            name=text(table.get("name"), f"{place}, name"),
            generation=generation,
            default_load=text(table.get("default_load"), f"{place}, default_load"),
            values={**defaults, **own},
        )


def _parse_loads(file: Table, where: str) -> Iterator[LoadEntry]:
    for place, table in _tables(file, "load", where):
        _refuse_unknown(table, _LOAD_KEYS, place)
        text(table.get("source"), f"{place}, source")
        if not {"names", "prefixes"} & set(table):
            raise UnusableInput(f"{place}: needs 'names' or 'prefixes'")
        yield LoadEntry(
            models=frozenset(texts(table.get("models"), f"{place}, models")),
            names=_optional_texts(table, "names", place),
            prefixes=_optional_texts(table, "prefixes", place),
            values=parse_values(_table(table.get("values", {}), place), place),
        )


def _optional_texts(table: Table, key: str, where: str) -> tuple[str, ...]:
    return texts(table[key], f"{where}, {key}") if key in table else ()


def _generation(value: object, where: str) -> Generation:
    if not isinstance(value, str) or value not in set(Generation):
        raise UnusableInput(f"{where}: generation must be one of {', '.join(Generation)}")
    return Generation(value)


def _refuse_unknown(table: Table, known: frozenset[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise UnusableInput(f"{where}: unknown key {unknown[0]!r}")


def _table(value: object, where: str) -> Table:
    if not isinstance(value, dict):
        raise UnusableInput(f"{where}: must be a table, not {value!r}")
    return value


def _tables(file: Table, key: str, where: str) -> Iterator[tuple[str, Table]]:
    value = file.get(key, [])
    if not isinstance(value, list):
        raise UnusableInput(f"{where}: {key!r} must be an array of tables")
    for number, item in enumerate(value, start=1):
        place = f"{where}, {key} {number}"
        yield place, _table(item, place)
