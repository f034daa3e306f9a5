"""serving_catalogue: searches for registered models and their versions, with prompts apart, as clients expect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loopline.faces.mlflow import wire_registry as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync
from loopline.faces.mlflow.entities import MODEL_VERSIONS, REGISTERED_MODELS
from loopline.faces.mlflow.filters import filter_of, order_of
from loopline.faces.mlflow.matching import behind, holds, in_order, place_in
from loopline.faces.mlflow.pages import place_of, size_fits, token_of
from loopline.faces.mlflow.registry import KIND, PROMPT, models_told, source_told, updated, versions_told
from loopline.ledger.assets import Asset
from loopline.ledger.registry import Entered, Narrow
from loopline.nouns.query import ATTRIBUTE, Clause, Order

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.ledger.ledger import Tables

T = TypeVar("T", Asset, Entered)
MODELS: Final = 1_000
VERSIONS: Final = 200_000
USUAL: Final = 100
_UPDATED: Final = "last_updated_timestamp"
_NEWEST: Final = Order(ATTRIBUTE, _UPDATED, descending=True)
_BY_NAME: Final = Order(ATTRIBUTE, "name")
_BY_NUMBER: Final = Order(ATTRIBUTE, "version_number", descending=True)


def search_models(ask: Ask) -> Response:
    """searchRegisteredModels: by name, where nothing else is asked."""
    said: wire.SearchModels = ask.body
    asked, orders = filter_of(REGISTERED_MODELS, said.filter), order_of(REGISTERED_MODELS, said.order_by)
    most = size_fits(said.max_results if said.max_results is not None else USUAL, MODELS)
    loop = ask.loop("find")
    with loop.ledger.read() as tx:
        models = [one for one in tx.registry.models(loop.project, KIND) if _named(asked, one.name.name)]
        models = list(_tagged(tx, asked, models))
        told: Mapping[int, dict[str, Any]] = {}
        if any(order.key == _UPDATED for order in orders):
            told = dict(zip((one.id for one in models), models_told(tx, loop.project, models), strict=True))

        def of(one: Asset, key: str) -> Any:
            if key == _UPDATED:
                return told[one.id][_UPDATED]
            return one.name.name if key == "name" else one.created_at

        page, more = _page(said, models, (*orders, _BY_NAME), of, most)
        return answer({"registered_models": models_told(tx, loop.project, page), **more})


def search_versions(ask: Ask) -> Response:
    """searchModelVersions: the one that something was said about last comes first, where nothing else is asked."""
    said: wire.SearchModels = ask.body
    asked, orders = filter_of(MODEL_VERSIONS, said.filter), order_of(MODEL_VERSIONS, said.order_by) or (_NEWEST,)
    most = size_fits(said.max_results if said.max_results is not None else VERSIONS, VERSIONS)
    loop = ask.loop("find")
    narrow = Narrow(_only(asked, "name"), _only(asked, "run_id"))
    with loop.ledger.read() as tx:
        versions = [one for one in tx.registry.versions(loop.project, KIND, narrow) if _fits(asked, one)]
        versions = list(_tagged(tx, asked, versions))
        times = updated(tx, loop.project, versions) if any(one.key == _UPDATED for one in orders) else {}

        def of(one: Entered, key: str) -> Any:
            match key:
                case "last_updated_timestamp":
                    return times[one.key] // 1000
                case "creation_timestamp":
                    return one.recorded_at // 1000
                case "name":
                    return one.name.name
                case _:
                    return one.number

        page, more = _page(said, versions, (*orders, _BY_NAME, _BY_NUMBER), of, most)
        return answer({"model_versions": versions_told(tx, loop.project, page), **more})


def _page(
    said: wire.SearchModels, rows: Iterable[T], orders: Sequence[Order], of: Callable[[T, str], Any], most: int
) -> tuple[list[T], dict[str, str]]:
    """Give one page of rows, and what a client is told of the next."""
    about = ("registry", said.filter, *said.order_by)
    found = behind(in_order(rows, orders, of), orders, of, place_of(said.page_token, about))
    more = {"next_page_token": token_of(place_in(found[most - 1], orders, of), about)} if len(found) > most else {}
    return found[:most], more


def _named(asked: Iterable[Clause], name: str) -> bool:
    return all(holds(one, name) for one in asked if one.part == ATTRIBUTE)


def _fits(asked: Iterable[Clause], version: Entered) -> bool:
    """Tell whether a version has the attributes that are asked for."""
    return all(holds(one, _attribute(version, one.key)) for one in asked if one.part == ATTRIBUTE)


def _attribute(version: Entered, key: str) -> Any:
    match key:
        case "name":
            return version.name.name
        case "run_id":
            return version.run or ""
        case "source_path":
            return source_told(version)
        case _:
            return version.number


def _only(asked: Iterable[Clause], key: str) -> tuple[str, ...] | None:
    """Give the only values that an attribute may have, where a filter says so by itself."""
    for one in asked:
        if (one.part, one.key) == (ATTRIBUTE, key) and one.op in ("=", "in"):
            return tuple(map(str, one.value)) if isinstance(one.value, tuple) else (str(one.value),)
    return None


def _tagged(tx: Tables, asked: Sequence[Clause], rows: Iterable[T]) -> Iterator[T]:
    """Leave what has the tags that are asked for. Prompts are found only by who asks for prompts."""
    tags = [one for one in asked if one.part == "tag"]
    prompts = set(tx.taggings.having(PROMPT, "true", "asset", "version"))
    wants = any(
        one.key == PROMPT and (one.op, str(one.value).lower()) in (("=", "true"), ("!=", "false")) for one in tags
    )
    tags = [one for one in tags if one.key != PROMPT]
    found = [row for row in rows if (row.subject in prompts) == wants]
    of = tx.taggings.of_all(row.subject for row in found) if tags else {}
    return (row for row in found if all(holds(one, of.get(row.subject, {}).get(one.key)) for one in tags))


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "/api/2.0/mlflow/registered-models/search"): sync(search_models, wire.SearchModels),
    ("GET", "/api/2.0/mlflow/model-versions/search"): sync(search_versions, wire.SearchModels),
}
