"""Pages of services, predictions and monitors: what they say, and what their forms do."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loopline.models import profile as profiles
from loopline.nouns.alert import Alert
from loopline.nouns.artifact import SERVICE as SERVICE_TYPE
from loopline.nouns.deployment import Deployment
from loopline.nouns.name import Numbered
from loopline.nouns.service import Arm, Service
from loopline.serving.specification import dump_service
from loopline.signals.entry import Entry, encode
from loopline.signals.frames import framed
from loopline.signals.segments import Segment
from loopline.verbs.recorded import signals_of
from tests.signals.recorded import packed

from .posting import Hand, token_for
from .serving import Server, wrong_with
from .traffic import PROD, SERVICE

if TYPE_CHECKING:
    from .serving import Read
    from .story import Story

HERE = "/p/flights/services/service/delay@prod"
HOSTILE = (
    "<script>alert(1)</script>",
    "a/../../b?c=d#e",
    "a\"b' onload=x",
    "{{ 7*7 }}",
    "x" * 3_000,
    "مرحبا",
    "line\nbreak",
)


def test_a_list_says_what_is_wrong_with_what(served: Server) -> None:
    """Each deployment with its state, version, requests and alerts; a failing one says why, one that is behind of what."""
    text = served.get("/p/flights/services").text
    for words in ("@prod", "ready", "version 3", "requests in a day", "1 alert", "@staging", "failing",
                  "No module named 'holidays'", "model/delay@champion is 2, served is 1"):  # fmt: skip
        assert words in text, words


def test_a_deployment_tells_what_is_in_force_and_who_answers(served: Server) -> None:
    """The change in force, the arms with what is declared and what came, alerts with whoever sees to them, and monitors."""
    page = served.get(f"{HERE}?last=7d")
    for words in ("the new champion, with the old one beside it", "http://127.0.0.1:4100", "80 %", "20 %", "model/delay@champion",
                  "bob sees to it", "silenced", "late-flights", "1 196"):  # fmt: skip
        assert words in page.text.replace("\u202f", " "), words
    assert len(page.tree.all("svg", data_chart="line")) == 3
    share = re.search(r"<b|champion.*?80 %.*?(\d\d) %", page.text)
    assert share
    for href in {
        one["href"] for one in page.tree.all("a") if re.match(r"/p/flights/(changes|runs|assets|lineage).", one["href"])
    }:
        assert served.get(href).status == 200, href


def test_a_service_without_a_ref_is_its_first_deployment(served: Server) -> None:
    """Whoever knows only the name gets to what most people ask, and from there to the others."""
    page = served.get("/p/flights/services/service/delay")
    assert "service/delay@prod" in page.text
    assert next(one["href"] for one in page.tree.all("a", aria_current="true")) == HERE
    assert served.get("/p/flights/services/service/none").status == 404
    assert served.get("/p/flights/services/model/delay@champion").status == 404


def test_an_address_may_leave_the_kind_out(served: Server) -> None:
    """`services/delay@prod` is what a person types; its parts are there as well."""
    first = next(
        one["href"] for one in served.get(f"{HERE}/predictions").tree.all("a") if "/prediction?" in one["href"]
    )
    for address in (HERE, f"{HERE}/quality", f"{HERE}/predictions", first):
        page = served.get(address.replace("services/service/", "services/"))
        assert (page.status, "service/delay@prod" in page.text) == (200, True)


def test_what_still_ends_has_a_page(fresh: Story, serving: Server) -> None:
    """A deployment whose ref is gone is shown for as long as its processes are there; then nothing has that name."""
    serve(fresh, {"x": [1.0, 2.0]}, [])
    fresh.do("undeploy", PROD, why="the trial is over")
    with fresh.loop.ledger.telemetry() as tables:
        tables.deployments.say("flights", Deployment(str(PROD), None, state="stopping"))
    for page in (serving.get(HERE), serving.get("/p/flights/services")):
        assert (page.status, "stopping" in page.text, "undeployed" in page.text, wrong_with(page)) == (
            200,
            True,
            True,
            [],
        )
    with fresh.loop.ledger.telemetry() as tables:
        tables.deployments.say("flights", Deployment(str(PROD), None, state="stopped"))
    assert serving.get(HERE).status == 404


def test_a_services_versions_lead_to_how_it_serves(served: Server) -> None:
    """From the asset one gets to the deployments."""
    page = served.get("/p/flights/assets/service/delay")
    assert "/p/flights/services/service/delay" in [one["href"] for one in page.tree.all("a")]


def test_quality_is_asked_by_maturity_and_slice(served: Server) -> None:
    """Windows, coverage and slices are there; a maturity changes what counts; a slice that is no column is told."""
    page = served.get(f"{HERE}/quality")
    for words in (
        "roc_auc",
        "log_loss",
        "percent of the predictions that have a label",
        "roc_auc by carrier",
        "roc_auc by origin",
    ):
        assert words in page.text, words
    early = served.get(f"{HERE}/quality", maturity="6h")
    assert "Labels count that came within 6 h of the event" in early.text
    assert "roc_auc by carrier" not in early.text
    wrong = served.get(f"{HERE}/quality", slice="airline")
    assert (wrong.status, "no column 'airline' was recorded" in wrong.text) == (200, True)
    for page in (
        early,
        wrong,
        served.get(f"{HERE}/quality", window="a moment"),
        served.get(f"{HERE}/quality", since="soon"),
    ):
        assert (page.status, wrong_with(page)) == (200, [])


def test_drift_shows_effect_q_value_verdict_and_both_distributions(served: Server) -> None:
    """What moved comes first, each column with its picture; what cannot be compared is told."""
    page = served.get(f"{HERE}/drift")
    assert "2 of 7 columns moved" in page.text
    rows = re.findall(r'<tr><th scope="row" dir="auto"><span class="mono">(\w+)', page.html.replace("<wbr>", ""))
    assert rows[:2] == ["temp", "carrier"]
    assert page.html.count('class="plot small-plot"') == 7
    for words in ("D 0.45", "TV 0.14", "WN", "< 0.0001", "stable", "PSI"):
        assert words in page.text, words
    former = served.get(f"{HERE}/drift", arm="former", window="7d")
    assert "of former, model/delay@1" in former.text
    for query in ({"arm": "nobody"}, {"until": "soon"}, {"window": "0d"}):
        wrong = served.get(f"{HERE}/drift", **query)
        assert (wrong.status, wrong_with(wrong)) == (200, []), query


def test_predictions_are_filtered_and_paged(served: Server) -> None:
    """A filter keeps to itself over pages, no row stands on two, and a column that nobody recorded is told with one that is."""
    seen: list[str] = []
    page = served.get(f"{HERE}/predictions", arm="former", status="200", column="carrier", value="UA")
    while True:
        assert (page.status, wrong_with(page)) == (200, [])
        here = re.findall(r'href="[^"]*/prediction\?id=([^"]+)"', page.html)
        assert here
        seen += here
        older = [one["href"].replace("&amp;", "&") for one in page.tree.all("a", rel="next")]
        if not older:
            break
        assert "arm=former" in older[0]
        page = served.get(older[0])
    assert len(seen) == len(set(seen)) > 20
    assert "loopline predictions service/delay@prod --arm former --status 200 --where carrier=UA" in page.text
    wrong = served.get(f"{HERE}/predictions", column="carier", value="UA")
    assert "did you mean carrier?" in wrong.text
    assert "No prediction fits" in served.get(f"{HERE}/predictions", unit="nobody").text


def test_one_prediction_says_why(served: Server, story: Story) -> None:
    """Inputs against training, answer, and the way back: version, change, model, run, lineage; every link answers."""
    page = served.get(f"{HERE}/prediction", id=story.named["prediction"])
    for words in (
        "JFK, LGA, EWR",
        "predict_proba[1]",
        "service/delay@3",
        "the new champion",
        "model/delay@2",
        "its lineage",
    ):
        assert words in page.text, words
    for href in {
        one["href"] for one in page.tree.all("a") if re.match(r"/p/flights/(changes|runs|assets|lineage).", one["href"])
    }:
        assert served.get(href.replace("&amp;", "&")).status == 200, href
    (strange, *_) = story.do("predictions", PROD, where={"carrier": "WN"}, limit=1)
    open_one = next(one for one in story.do("predictions", PROD, status=200, limit=500) if one.label is None)
    page = served.get(f"{HERE}/prediction", id=open_one.id)
    assert '"late": 1' in page.text  # as the service calls its truth
    assert "never seen in training" in served.get(f"{HERE}/prediction", id=strange.id).text
    assert served.get(f"{HERE}/prediction", id="019f0000").status == 404
    assert served.get(f"{HERE}/prediction").status == 400


def test_the_overview_names_services_to_look_at(served: Server) -> None:
    """Open alerts with who sees to them, and deployments that fail or are behind."""
    text = served.get("/p/flights").text
    for words in (
        "Services to look at",
        "features of service/delay@prod",
        "bob sees to it",
        "failing",
        "behind its model",
    ):
        assert words in text, words


def test_the_feed_leads_from_alerts_to_monitors(served: Server) -> None:
    """An alert is told by its monitor and not by its digits, and no event about monitors leads to an asset."""
    page = served.get("/p/flights/feed?kind=alert.*")
    assert "opened an alert of features of service/delay@prod" in page.text
    links = re.findall(r'<span class="event-what">.*?<a href="([^"]+)"', page.html)
    assert links
    assert set(links) == {"/p/flights/monitors"}


def opened(story: Story, monitor: str = "errors") -> Alert:
    """Let a monitor see something."""
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        tx.projects.ensure("flights")
        made = Alert(
            story.loop.ids.new(), "flights", str(PROD), monitor, "service", "high", "errors 4.00%, at most 1.00%", 0, 0
        )
        tx.say("alert.opened", made.id, service=made.service, monitor=monitor)
        return tx.alerts.open(made)


def test_alerts_are_acknowledged_and_silenced_on_the_page(fresh: Story, serving: Server) -> None:
    """A form acknowledges with a note, one silences for a while, one ends it; each leads back to where it was sent from."""
    alert, hand = opened(fresh), Hand(serving)
    page = hand.get("/p/flights/monitors")
    assert wrong_with(page) == []
    sent = hand.post("/p/flights/monitors", do="acknowledge", alert=alert.id, note="I look", service=str(PROD))
    assert (sent.status, sent.headers["location"]) == (303, HERE)
    assert fresh.do("alerts")[0].acknowledged_by == "person:ann"
    sent = hand.post("/p/flights/monitors", do="silence", match=f"{PROD}/*", why="known", lasting="1d")
    assert (sent.status, sent.headers["location"]) == (303, "/p/flights/monitors")
    (silence,) = fresh.do("find", "silences")
    assert (silence.why, round((silence.until - silence.created_at) / 3.6e9)) == ("known", 24)
    page = hand.get("/p/flights/monitors")
    assert ("known" in page.text, "silenced" in page.text, wrong_with(page)) == (True, True, [])
    hand.post("/p/flights/monitors", do="unsilence", match=f"{PROD}/*")
    assert fresh.do("find", "silences") == ()
    for wrong in ({"do": "acknowledge", "alert": "ffff"}, {"do": "silence", "match": "", "why": "x"}, {"do": "dance"}):
        told = hand.post("/p/flights/monitors", **wrong)
        assert told.status in (400, 404), wrong
        assert len(told.tree.all("div", role="alert")) == 1
        assert wrong_with(told) == []


def test_whoever_may_only_look_gets_no_forms(fresh: Story, serving: Server) -> None:
    """A viewer sees alerts, and no button that would be refused."""
    opened(fresh)
    token_for(fresh, "root", "admin", everywhere=True)
    hand = Hand(serving, token_for(fresh, "cy", "viewer"))
    page = hand.get("/p/flights/monitors")
    assert "errors 4.00%" in page.text
    assert ("Acknowledge" in page.text, "Silence some" in page.text) == (False, False)
    assert hand.post("/p/flights/monitors", do="silence", match="*", why="x").status == 403
    assert fresh.do("find", "silences") == ()


def serve(story: Story, rows: dict[str, list[Any]], requests: list[Entry]) -> None:
    """Put a service into production whose model was trained on rows, and write down what it answered."""
    reference = profiles.encode(profiles.profile(None, rows))
    digest = story.loop.blobs.put(reference)
    service = Service(str(SERVICE), (Arm("main", "model/delay@1", digest, profile=digest),))
    story.do("put", SERVICE, digest=story.loop.blobs.put(dump_service(service)), media_type=SERVICE_TYPE)
    story.do("propose", PROD, to=Numbered(1), why="serve it")
    segment = Segment(signals_of(story.loop, PROD) / "segments")
    segment.append(b"".join(framed(encode(one)) for one in requests))
    segment.finish()


def asked(story: Story, name: str, rows: dict[str, list[Any]], **facts: Any) -> Entry:
    """Give a request of some rows."""
    now = story.clock.now()
    count = len(next(iter(rows.values())))
    kinds = {key: "BYTES" if isinstance(values[0], str) else "FP64" for key, values in rows.items()}
    told = packed((key, kinds[key], values) for key, values in rows.items())
    return Entry(name, now, count, 1, "main", "model/delay@1", "c", 200, 900, event_times=now, inputs=told, **facts)


def pages_of(server: Server, prediction: str) -> list[tuple[str, Read]]:
    """Read every page of the deployment."""
    return [
        (part, server.get(f"{HERE}{part}", **query))
        for part, query in (
            ("", {}),
            ("/quality", {}),
            ("/drift", {}),
            ("/predictions", {}),
            ("/prediction", {"id": prediction}),
        )
    ] + [("list", server.get("/p/flights/services")), ("monitors", server.get("/p/flights/monitors"))]


def test_hostile_words_of_requests_are_text(fresh: Story, serving: Server) -> None:
    """Whatever requests call themselves, their units, their columns and their values, it is shown as text and can be opened."""
    rows: dict[str, list[Any]] = {word[:200]: ["a", word] for word in HOSTILE} | {"x": [1.0, 2.0]}
    serve(fresh, rows, [asked(fresh, word[:300], rows, units=word, error=word) for word in HOSTILE])
    for part, page in pages_of(serving, f"{HOSTILE[0]}:0"):
        assert (page.status, wrong_with(page)) == (200, []), part
        assert "<script>alert" not in page.html
    links = [
        one["href"] for one in serving.get(f"{HERE}/predictions").tree.all("a") if "/prediction?" in one.get("href", "")
    ]
    assert len(links) == 2 * len(HOSTILE)
    for href in links[::2]:
        page = serving.get(href.replace("&amp;", "&"))
        assert (page.status, wrong_with(page)) == (200, []), href


def test_wide_tables_stay_small(fresh: Story, serving: Server) -> None:
    """Eighty columns are compared on a page of at most 150 KB, and that there are more than it shows is said."""
    chance = random.Random(1)
    rows: dict[str, list[Any]] = {
        f"feature-{i:03}/of-a-long-name": [chance.random() for _ in range(200)] for i in range(80)
    }
    serve(fresh, rows, [asked(fresh, "r1", rows)])
    for part, page in pages_of(serving, "r1:7"):
        assert (page.status, wrong_with(page)) == (200, []), part
    assert "20 columns more" in serving.get(f"{HERE}/drift").text


def test_a_server_without_records_says_so(fresh: Story) -> None:
    """Where no predictions are kept the pages tell that, and still show what is deployed."""
    serve(fresh, {"x": [1.0, 2.0]}, [])
    server = Server(replace(fresh.loop, signals=None)).start()
    try:
        for part in ("", "/quality", "/drift", "/predictions"):
            page = server.get(f"{HERE}{part}")
            assert (page.status, wrong_with(page)) == (200, []), part
            assert "no records of predictions are kept here" in page.text, part
        assert "its traffic is not known here" in server.get("/p/flights/services").text
    finally:
        server.stop()
