"""registry: registered models and their versions as clients are told of them. A stage is a ref: one version is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.mlflow.errors import Fault, invalid, missing
from loopline.faces.mlflow.limits import KEY, key_fits, value_fits
from loopline.faces.mlflow.naming import MADE
from loopline.faces.mlflow.translate import SCHEME, ms, pairs
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.ids import brief
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.verdict import Result
from loopline.verbs.noting import TEXT
from loopline.verbs.registry import LINK, LOGGED, SOURCE

if TYPE_CHECKING:
    from loopline.faces.mlflow.wire import Tag
    from loopline.ledger.assets import Asset
    from loopline.ledger.ledger import Tables
    from loopline.ledger.registry import Entered
    from loopline.nouns.ref import Ref

KIND: Final = "model"
NONE: Final = "None"
ARCHIVED: Final = "Archived"
REFS: Final = {"Staging": "staging", "Production": "production"}
"""The stages that are refs; when a version is in both, it is told to be in the last of them."""
STAGES: Final = (NONE, *REFS, ARCHIVED)
STAGE: Final = "mlflow.stage"
"""The tag of a version that says that it is archived. Clients see it as its stage."""
VERSIONS: Final = "versions"
"""First part of the addresses below which the files of versions are found."""
PROMPT: Final = "mlflow.prompt.is_prompt"
PROMPT_TEXT: Final = "mlflow.prompt.text"
"""The tag that holds a prompt's text, and where the metadata of its version keep it: that is told, which nobody can change."""
LABEL: Final = 100_000
"""Characters of a tag of a model or of a version."""
ALIAS: Final = 255
_NAME: Final = re.compile(r"[^/:\x00]+\Z")
_ALIAS: Final = re.compile(r"[\w-]+\Z")
_RESERVED: Final = re.compile(r"(?:latest|v\d+)\Z", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z", re.ASCII)


def new_name(said: str, what: str = "name") -> str:
    """Take a name for a model. Raise Fault 400 for what none is called."""
    if not said.strip():
        raise invalid(f"Missing value for required parameter '{what}'.")
    if not _NAME.match(said) or said in (".", ".."):
        raise invalid(f"Invalid model name '{said[:KEY]}'. Names cannot contain '/' or ':', and are not '.' or '..'.")
    if not said.isprintable():
        raise invalid(f"Invalid value for parameter '{what}' supplied: it holds what cannot be printed.")
    value_fits(said, 256, what)
    return said


def new_alias(said: str) -> str:
    """Take a name for an alias. Raise Fault 400 for what none is called, and for what means a version by itself."""
    if not _ALIAS.match(said):
        raise invalid(
            f"Invalid alias name: '{said[:KEY]}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    value_fits(said, ALIAS, "Registered model alias name")
    if said.lower() == "latest":
        raise invalid("'latest' alias name (case insensitive) is reserved.")
    if _RESERVED.match(said):
        raise invalid(f"Version alias name '{said}' is reserved.")
    return said


def tags_of(tags: Iterable[Tag]) -> dict[str, str]:
    """Give tags by name. Raise Fault 400 for what fits none."""
    found = {tag.key: tag.value for tag in tags}
    for key, value in found.items():
        tag_fits(key, value)
    return found


def tag_fits(key: str, value: str = "") -> None:
    """Raise Fault 400 for what fits no tag of a model or a version."""
    key_fits(key)
    value_fits(value, LABEL)
    if key == STAGE:
        raise invalid(f"'{STAGE}' is not a tag: move the version to a stage.")


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Tell whether a model or a version with these tags is a prompt."""
    return tags.get(PROMPT, "").lower() == "true"


def asset_of(project: str, name: str) -> AssetName:
    """Give the asset that a model is."""
    return AssetName(project, KIND, name)


def find_model(tx: Tables, project: str, name: str) -> Asset:
    """Give a model by its name. Raise Fault 404."""
    found = tx.assets.find(asset_of(project, name))
    if found is None:
        raise missing(f"Registered Model with name={name} not found")
    return found


def find_version(tx: Tables, project: str, name: str, said: str) -> Entered:
    """Give a version by its model's name and its number. Raise Fault 404, 400 for what is no number."""
    if not _NUMBER.match(said):
        raise invalid(f"Parameter 'version' must be an integer, got '{said[:KEY]}'.")
    found = tx.registry.version(find_model(tx, project, name).id, int(said))
    if found is None:
        raise missing(f"Model Version (name={name}, version={said}) not found")
    return found


def find_alias(tx: Tables, project: str, name: str, alias: str) -> Entered:
    """Give the version at an alias; `latest` is the newest. Raise Fault 404 for no model, 400 for no alias."""
    model = find_model(tx, project, name)
    if alias.lower() == "latest":
        newest = tx.registry.newest([model.id], apart={}, without={})
        if not newest:
            raise missing(f"Latest version not found for model {name}.")
        return tx.registry.those(newest)[newest[0]]
    here = tx.refs.find(RefName(model.name, alias))
    found = tx.registry.version(model.id, here.target) if here else None
    if found is None:
        raise invalid(f"Registered model alias {alias[:KEY]} not found.")
    return found


def stage_said(text: str) -> str:
    """Take the name of a stage, however it is written. Raise Fault 400."""
    for stage in STAGES:
        if stage.lower() == text.lower():
            return stage
    raise invalid(f"Invalid Model Version stage: {text[:KEY]}. Value must be one of {', '.join(STAGES)}.")


def stage_of(number: int, refs: Iterable[Ref], tags: Mapping[str, str]) -> str:
    """Give the stage that a version is in. Only refs bring one into a stage: a tag says no more than that it is archived."""
    here = {one.name.ref for one in refs if one.target == number}
    aside = ARCHIVED if tags.get(STAGE) == ARCHIVED else NONE
    return next((stage for stage in ("Production", "Staging") if REFS[stage] in here), aside)


def latest(tx: Tables, models: Iterable[Asset], refs: Mapping[int, Sequence[Ref]]) -> list[tuple[int, int]]:
    """Give the newest version in each stage of each model, by asset and number."""
    staged = {
        one.id: {ref.name.ref: ref.target for ref in refs.get(one.id, ()) if ref.name.ref in REFS.values()}
        for one in models
    }
    apart: dict[int, set[int]] = {}
    for subject in tx.taggings.having(STAGE, ARCHIVED, "version"):
        _, asset, number = subject.split("/")
        apart.setdefault(int(asset), set()).add(int(number))
    without = {asset: frozenset(targets.values()) for asset, targets in staged.items()}
    found = tx.registry.newest(staged, apart=apart, without=without)
    return found + [(asset, number) for asset, numbers in without.items() for number in sorted(numbers)]


def models_told(tx: Tables, project: str, models: Sequence[Asset]) -> list[dict[str, Any]]:
    """Tell of models, with the newest version in each stage."""
    refs = tx.registry.refs({one.id: one.name for one in models})
    newest = tx.registry.those(latest(tx, models, refs))
    told = _versions(tx, project, list(newest.values()), refs)
    tags = tx.taggings.of_all(one.subject for one in models)
    touched = tx.registry.touched(project, (str(one.name) for one in models))
    found = []
    for one in models:
        own = [told[key] for key in sorted(newest) if key[0] == one.id]
        times = [one.created_at, touched.get(str(one.name), 0), *(ref.moved_at for ref in refs.get(one.id, ()))]
        found.append({
            "name": one.name.name,
            "creation_timestamp": ms(one.created_at),
            "last_updated_timestamp": max([ms(max(times)), *(row["last_updated_timestamp"] for row in own)]),
            **({"description": one.description} if one.description else {}),
            "latest_versions": own,
            "tags": pairs(tags.get(one.subject, {})),
            "aliases": [{"alias": ref.name.ref, "version": str(ref.target)} for ref in refs.get(one.id, ())],
        })
    return found


def versions_told(tx: Tables, project: str, versions: Sequence[Entered]) -> list[dict[str, Any]]:
    """Tell of versions, in the same order."""
    told = _versions(tx, project, versions, tx.registry.refs({one.asset: one.name for one in versions}))
    return [told[one.key] for one in versions]


def updated(
    tx: Tables, project: str, versions: Sequence[Entered], refs: Mapping[int, Sequence[Ref]] | None = None
) -> dict[tuple[int, int], int]:
    """Give when something was said last about each of many versions, or moved to it: by asset and number."""
    if refs is None:
        refs = tx.registry.refs({one.asset: one.name for one in versions})
    moved: dict[tuple[int, int], int] = {}
    for asset, own in refs.items():
        for ref in own:
            moved[asset, ref.target] = max(ref.moved_at, moved.get((asset, ref.target), 0))
    touched = tx.registry.touched(project, (str(one) for one in versions))
    return {one.key: max(one.recorded_at, touched.get(str(one), 0), moved.get(one.key, 0)) for one in versions}


def _versions(
    tx: Tables, project: str, versions: Sequence[Entered], refs: Mapping[int, Sequence[Ref]]
) -> dict[tuple[int, int], dict[str, Any]]:
    tags = tx.taggings.of_all(one.subject for one in versions)
    times = updated(tx, project, versions, refs)
    found = {}
    for one in versions:
        here = [ref for ref in refs.get(one.asset, ()) if ref.target == one.number]
        found[one.key] = _version(one, here, tags.get(one.subject, {}), times[one.key])
    return found


def _version(one: Entered, here: Sequence[Ref], tags: Mapping[str, str], at: int) -> dict[str, Any]:
    said = one.metadata
    made = said[MADE] if isinstance(said.get(MADE), dict) else {}
    more = {
        "description": tags.get(TEXT), "run_id": one.run, "run_link": said.get(LINK), "model_id": said.get(LOGGED),
    }  # fmt: skip
    return {
        "name": one.name.name,
        "version": str(one.number),
        "creation_timestamp": made.get("created") or ms(one.recorded_at),
        "last_updated_timestamp": ms(at),
        "user_id": made.get("user") or one.author,
        "current_stage": stage_of(one.number, here, tags),
        "source": source_told(one),
        "status": "READY",
        "tags": pairs(own_tags(one, tags)),
        "aliases": [ref.name.ref for ref in here],
        **{name: value for name, value in more.items() if value},
    }


def own_tags(one: Entered, tags: Mapping[str, str]) -> dict[str, str]:
    """Give the tags of a version that are its writer's own; the text of a prompt is the one that it was made with."""
    text = one.metadata.get(PROMPT_TEXT)
    own = {key: value for key, value in tags.items() if key not in (TEXT, STAGE)}
    return {**own, PROMPT_TEXT: text} if isinstance(text, str) else own


def source_told(one: Entered) -> str:
    """Give from what a version was registered; of one that a pipeline has published, where its files are."""
    said = one.metadata.get(SOURCE)
    return said if isinstance(said, str) else address(one)


def address(one: Entered) -> str:
    """Give the address below which the files of a version are found: by the asset's id, so that its name may hold anything."""
    return f"{SCHEME}/{VERSIONS}/{one.asset}/{one.number}"


def applied(change: Change | None) -> None:
    """Raise Fault 403 for a change that waits for its policy, with what it lacks and how to go on."""
    if change is None or change.state is ChangeState.APPLIED:
        return
    results = change.decision.results if change.decision else ()
    lacking = [one for one in results if one.result is not Result.PASS]
    said = "; ".join(f"{one.text} ({one.remedy})" if one.remedy else one.text for one in lacking)
    short = brief(change.id)
    raise Fault(
        "PERMISSION_DENIED",
        f"{', '.join(map(str, change.moves))}: change {short} waits for its policy."
        f" It lacks: {said or 'that somebody applies it'}. See `loopline show {short}`; once it lacks nothing, ask again,"
        f" or `loopline apply {short}`.",
    )
