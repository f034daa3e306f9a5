"""deploy: a service as the project's file declares it."""

from __future__ import annotations

from typing import Annotated

from loopline.cli.place import Place
from loopline.nouns.change import Change
from loopline.nouns.name import Pointer, RefName, Revision


def deploy(
    where: Place,
    ref: Annotated[RefName, "where: service/delay@prod"],
    *,
    model: Annotated[Pointer | None, "the model that answers, in place of what loopline.toml declares"] = None,
    to: Annotated[Revision | None, "a former version of the service, as it was"] = None,
    also: Annotated[tuple[RefName, ...], "refs of its models that move with it: model/delay@champion"] = (),
    why: Annotated[str, "the reason, for whoever reviews it"] = "",
    allow_pickle: Annotated[bool, "serve models that need unpickling: only if you trust whoever made them"] = False,
    executor: Annotated[str | None, "where the checks run; the project's setting when left out"] = None,
    workers: Annotated[int | None, "steps at a time; 0: one for each processor"] = None,
) -> Change:
    """Pin a service and move its ref there, as far as the policy lets it. A host then serves it (`loopline up` has one).

    What is served stands in loopline.toml under [services."service/NAME"]; without that, --model is enough. Each model is
    pinned by digest, with its run, its environment, its signature and its profile: promoting the model changes nothing that is
    served, deploying again does. The same again is the version that is there.

    Where the service declares a rollout, the new version takes over step by step (`loopline rollouts`), and every ref of the
    change moves at its end. `--also` names refs that shall then point at the model that is served.

    Example:
        loopline deploy service/delay@prod --model model/delay@champion
        loopline deploy service/delay@prod --model model/delay@latest --also model/delay@champion
        loopline deploy service/delay@prod --to 3 --why "back to June"
    """
    from loopline.verbs.deploy import deploy as deploy_service

    settings = where.settings
    declared = next((one for one in settings.services if one.name == str(ref.asset)), None)
    return where.client.do(
        deploy_service,
        ref,
        model=model,
        to=to,
        also=also,
        why=why,
        declared=declared if to is None else None,
        allow_pickle=allow_pickle,
        executor=executor or settings.executor,
        workers=settings.workers if workers is None else workers,
    )
