"""story: the demo's chapters, and who tells them: each command is printed, run as a process of its own, and timed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.errors import Refused

if TYPE_CHECKING:
    from loopline.cli.screen import Screen

CHAMPION = "model/delay@champion"
PROD = "service/delay@prod"
UNITS = "arrival delays were read as seconds"
PACE = 0.8
"""Seconds that a day of a rollout takes at least: the controller looks every two."""
THINNEST = 11
"""The thinnest story: every 11th flight. The policy judges airlines that have 200 flights in the newest 14 days. In those of June
the largest has 2,321, so with every 12th flight there is none to be judged, and the first model is refused."""


class Teller:
    """Runs commands in the project's folder and shows them as a person would type them."""

    def __init__(
        self, home: Path, screen: Screen, *, every: int = 1, offline: bool = False, stays: bool = False
    ) -> None:
        self.home = home
        self.every = every
        self.offline = offline
        self.stays = stays
        """Whether the server of the last chapters goes on until Ctrl-C."""
        self.url = ""
        """Where the server of the last chapters answers."""
        self._server: subprocess.Popen[str] | None = None
        self._screen = screen
        self._variables = dict(os.environ) | {
            "LOOPLINE_ACTOR": "ann", "LOOPLINE_HOME": str(home / ".loopline"), "PYTHONUNBUFFERED": "1",
            "GIT_AUTHOR_NAME": "ann", "GIT_AUTHOR_EMAIL": "ann@example.com", "GIT_COMMITTER_NAME": "ann",
            "GIT_COMMITTER_EMAIL": "ann@example.com", "GIT_CONFIG_GLOBAL": os.devnull,
        }  # fmt: skip
        if screen.out_color:
            self._variables["FORCE_COLOR"] = "1"

    def chapter(self, number: int, chapter: Callable[[Teller], None]) -> None:
        """Tell one chapter under its title, the first line of its docstring."""
        title = (chapter.__doc__ or "").partition("\n")[0].rstrip(".")
        self._screen.write(f"\n{self._screen.paint('head', f'{number}  {title}')}\n")
        chapter(self)

    def say(self, text: str) -> None:
        """Tell something between two commands."""
        self._screen.write(f"\n{text}\n")
        self._screen.flush()

    def do(self, line: str, *, expect: int = 0) -> None:
        """Type one command. Raise Refused where it ends with another exit code than the story needs."""
        self._screen.write(f"\n{self._screen.paint('name', '$')} {line}\n")
        self._screen.flush()
        words = _command(line)
        began = time.perf_counter()
        done = subprocess.run(words, cwd=self.home, env=self._variables, check=False)
        took = time.perf_counter() - began
        told = f"{took:.2f} s" + (f", exit code {done.returncode}" if done.returncode else "")
        self._screen.write(f"{self._screen.paint('dim', f'({told})')}\n")
        self._screen.flush()
        if done.returncode != expect:
            raise Refused(
                f"the story stops: {line} ended with {done.returncode}, not {expect}", kind="story-broken",
                hint=f"look at the project in {self.home}", line=line, code=done.returncode,
            )  # fmt: skip

    def serve(self) -> str:
        """Start a server that goes on until `close`, and give its address."""
        line = f"loopline up --port {_port() if self.stays else 0}"
        self._screen.write(f"\n{self._screen.paint('name', '$')} {line} &\n")
        self._screen.flush()
        began = time.perf_counter()
        self._server = subprocess.Popen(
            _command(line), cwd=self.home, env=self._variables, stdout=subprocess.PIPE, text=True
        )
        said = self._server.stdout.readline() if self._server.stdout else ""
        url = said.split()[-1] if "http" in said else ""
        if not url:
            raise Refused(
                f"the story stops: {line} did not start", kind="story-broken", hint=f"look into {self.home}", line=line
            )
        self._screen.write(said)
        self._screen.write(f"{self._screen.paint('dim', f'({time.perf_counter() - began:.2f} s)')}\n")
        return url

    def get(self, url: str) -> None:
        """Ask an address, and tell status, size and time."""
        self._screen.write(f"GET {url}: {_answered(url)}\n")

    def ask(self, line: str) -> Any:
        """Ask a command for its result without showing it."""
        done = subprocess.run(
            _command(f"{line} --json"), cwd=self.home, env=self._variables, check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)["result"]

    def wait(self, line: str, done: Callable[[Any], Any], *, patience_s: float = 60.0) -> Any:
        """Ask until `done` finds something in the result, and give that. Raise Refused where it does not in time."""
        until = time.monotonic() + patience_s
        while not (found := done(self.ask(line))):
            if time.monotonic() > until:
                raise Refused(
                    f"the story stops: {line} does not tell what it should", kind="story-broken",
                    hint=f"look at the project in {self.home}", line=line,
                )  # fmt: skip
            time.sleep(0.2)
        return found

    def close(self, *, stay: bool) -> None:
        """End the server; with `stay` leave it running until Ctrl-C before, if somebody has asked for that."""
        server = self._server
        if server is None:
            return
        try:
            if self.stays and stay:
                self.say(f"Look around at {self.url}. It goes on until Ctrl-C.")
                server.wait()
        except KeyboardInterrupt:
            with suppress(subprocess.TimeoutExpired):
                server.wait(25)  # the terminal has told the server, too
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait(60)
            if server.stdout:
                server.stdout.close()

    def months(self, words: str) -> None:
        """Put months of flights into the data folder."""
        self.do(f"python months.py {words}" + (f" --every {self.every}" if self.every > 1 else ""))


def _command(line: str) -> list[str]:
    words = shlex.split(line)
    if words[0] == "loopline":
        return [sys.executable, "-c", "import sys; from loopline.cli.entry import main; sys.exit(main())", *words[1:]]
    if words[0] == "python":
        words[0] = sys.executable
    return words


def _answered(url: str) -> str:
    """Ask an address, and say status, size and time."""
    from urllib.request import ProxyHandler, build_opener

    began = time.perf_counter()
    with build_opener(ProxyHandler({})).open(url, timeout=30) as answer:
        size = len(answer.read())
        return f"{answer.status}, {size} bytes, {(time.perf_counter() - began) * 1000:.0f} ms"


def _port() -> int:
    """Give the usual port, or any that is free where somebody has it."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 4040))
        except OSError:
            return 0
    return 4040


MIDNIGHT = r"s/^(([^,]*,){3})2400,/\10,/; s/^(([^,]*,){6})2400,/\10,/"
"""Of departures, the fourth column, and of arrivals, the seventh."""


def version_data(teller: Teller) -> None:
    """Version data: January to June of 2013."""
    teller.say(f"A real project in {teller.home}: will a flight out of New York arrive 15 minutes late or more?")
    teller.do("git init --quiet --initial-branch main")
    teller.do("git add .")
    teller.do('git commit --quiet --message "Predict late flights"')
    teller.months("1-6")
    teller.do("loopline init")
    teller.do('loopline add data/flights --message "January to June"')


def train_a_model(teller: Teller) -> None:
    """Run a pipeline: features, fit, assess. Then run it again."""
    teller.do("loopline run train")
    teller.say("The same again: nothing has changed, so nothing has to run.")
    teller.do("loopline run train")


def promote_it(teller: Teller) -> None:
    """Promote: what is current moves only with evidence."""
    teller.do('loopline policy --push --why "rules for the champion"')
    teller.do("loopline grant sam team/on-call")
    teller.do(f'loopline propose {CHAMPION} --to 1 --together --why "the first model"')
    teller.do(f"loopline check {CHAMPION}", expect=8)
    teller.say("Everything holds but the approval: applying now is refused, and says what is missing.")
    teller.do(f"loopline apply {CHAMPION}", expect=8)
    teller.say(
        "Somebody else approves. Embedded identities are what was typed: nobody vouches for them, and a policy may demand that."
    )
    teller.do(f"loopline approve {CHAMPION} --as bob")
    teller.do(f"loopline apply {CHAMPION}")


def better_with_july(teller: Teller) -> None:
    """Take new data: July arrives and makes a better model."""
    teller.months("7")
    teller.do("loopline status data/flights")
    teller.do('loopline add data/flights --message "July"', expect=1)
    teller.say(
        "What comes to main must hold what is expected of flights: unique, whole minutes, known airports, no fewer rows."
    )
    teller.do("loopline check data/flights@main")
    teller.do("loopline apply data/flights@main")
    teller.do("loopline run train")
    teller.say(
        "promote proposes and checks; both models are measured on the same last days of July, which neither was trained on."
    )
    teller.do(f'loopline promote {CHAMPION} --to 2 --together --why "trained with July"', expect=8)
    teller.do(f"loopline review {CHAMPION} --rows")
    teller.do(f"loopline approve {CHAMPION} --as bob")
    teller.do(f"loopline apply {CHAMPION}")


def bad_data(teller: Teller) -> None:
    """Bad data: somebody reads the delays of July as seconds."""
    teller.say(
        "Somebody takes the package's delays for seconds, and converts them: one line, on a branch of code and data."
    )
    teller.do("git switch --quiet --create units")
    teller.do("""sed -i 's/^UNIT = "minutes"/UNIT = "seconds"/' months.py""")
    teller.do('git commit --quiet --all --message "Convert arrival delays to minutes"')
    teller.do("loopline branch data/flights units")
    teller.months("7")
    teller.do('loopline add data/flights --branch units --message "July, delays converted"')
    teller.do("loopline run train --param data=data/flights@units")
    teller.say(
        "On its own labels it looks like the best model ever. The check judges it on the labels that everybody trusts."
    )
    teller.do(f'loopline promote {CHAMPION} --to 3 --together --why "best metrics so far"', expect=1)
    teller.do(f"loopline approve {CHAMPION} --as bob")
    teller.do(f"loopline apply {CHAMPION}", expect=1)
    teller.say("Somebody on call lets it through against the policy, once, for a reason that stays in the ledger.")
    teller.do(f'loopline apply {CHAMPION} --override "the demo wants to see it" --as sam')
    teller.say("It was a mistake. One command returns code, data and model together and marks what was bad.")
    teller.do(f'loopline rollback {CHAMPION} --why "{UNITS}"')
    teller.say("These data could not have come to main: a delay that was divided by 60 is no whole number of minutes.")
    teller.do("loopline expect data/flights@units", expect=1)
    teller.say("The automation that tries again is refused.")
    teller.do(f'loopline propose {CHAMPION} --to 3 --why "nightly retraining" --as trigger:nightly', expect=1)
    teller.say("The working folder goes back to what main says, in git and in the data.")
    teller.do("git switch --quiet main")
    teller.do("loopline checkout data/flights@main")


def ask(teller: Teller) -> None:
    """Ask: why, what has it touched, what differs, and does it come out the same."""
    teller.do(f"loopline why {CHAMPION}")
    teller.do("loopline impact data/flights@2")
    teller.do(f"loopline history {CHAMPION}")
    teller.say(
        "Each model was measured on the last days of its own data, in June and in July: these numbers tell months apart, too."
    )
    teller.do("loopline diff model/delay@1 model/delay@2")
    teller.do("loopline diff data/flights@2 data/flights@3 --rows")
    if not teller.offline:
        teller.say(
            "The packages of the first run are restored into an environment of their own; every output is compared byte for byte."
        )
    teller.do("loopline reproduce model/delay@1" + (" --here" if teller.offline else ""))
    teller.do("loopline verify --deep")


def serve(teller: Teller) -> None:
    """Serve: the same ledger for a team, and as pages in a browser."""
    teller.url = teller.serve()
    for path in ("/health/ready", f"/api/v1/show?what={CHAMPION}", "/p/flights"):
        teller.get(teller.url + path)


def correct_rows(teller: Teller) -> None:
    """Correct rows: some cells are changed on a branch of the data, and reviewed row by row."""
    teller.say("These files write midnight as 2400. Somebody corrects June and July, on a branch of the data.")
    teller.do("loopline branch data/flights midnight")
    for month in ("06", "07"):
        teller.do(f"sed -i -E '{MIDNIGHT}' data/flights/2013-{month}.csv")
    teller.do('loopline add data/flights --branch midnight --message "2400 is 0"')
    teller.do("loopline merge data/flights@midnight data/flights@main --no-ff", expect=1)
    teller.say("The change is open. Here and on its page stands which rows it changes, by the key of a flight.")
    teller.do("loopline review data/flights@main --rows")
    (change,) = teller.ask("loopline find changes --limit 1")
    teller.get(f"{teller.url}/p/flights/changes/{change['id']}?rows=1")
    teller.do("loopline check data/flights@main")
    teller.do("loopline apply data/flights@main")
    teller.do("loopline checkout data/flights@main")


def meet_traffic(teller: Teller) -> None:
    """Deploy: the champion meets the traffic of July to September."""
    teller.do(f'loopline deploy {PROD} --why "the champion meets traffic"')
    address = teller.wait("loopline services", lambda found: found[0]["state"] == "ready" and found[0]["url"])
    teller.do("loopline services")
    teller.say(
        "Each airport asks once for every scheduled hour, about all flights that are to leave in it. Until 17 July the model has"
        " seen these flights in its training; from 18 July on they are new to it."
    )
    teller.do(f"python replay.py 7-9 --url {address}" + (f" --every {teller.every}" if teller.every > 1 else ""))
    teller.do(f"loopline predictions {PROD} --limit 2")


def reality_answers(teller: Teller) -> None:
    """Learn what came true: labels, quality, drift."""
    teller.months("8-9")
    teller.do('loopline add data/flights --message "August and September"', expect=1)
    teller.do('loopline promote data/flights@main --to latest --why "August and September"')
    teller.do(f"loopline label {PROD} --file labels.csv")
    teller.say("Only labels count that were known within a day, so that every week is as old as the others.")
    teller.do(f"loopline quality {PROD} --since 2013-07-01 --window 14d --maturity 1d --slice origin")
    teller.do(f"loopline drift {PROD} --window 7d")


def react(teller: Teller) -> None:
    """React: an alert starts a training, which proposes the next champion."""
    teller.say("The monitors of a server look once a minute. Nobody has to wait for that:")
    teller.do("loopline tick")
    teller.wait("loopline alerts --open", lambda found: any(one["monitor"] == "quality" for one in found))
    teller.do(f"loopline alerts {PROD}")
    teller.wait("loopline triggers", lambda found: any(one["name"] == "retrain" and _proposed(one) for one in found))
    teller.do("loopline triggers retrain")
    change = teller.wait("loopline find changes --limit 1", lambda found: _judged(found[0]) and found[0])
    teller.do(f"loopline review {CHAMPION}")
    failed = sum(one["result"] == "fail" for one in change["decision"]["results"])
    teller.say(
        f"A trigger proposes, the policy judges: {failed} of its requirements do not hold. What is served stays what it was."
        if failed
        else "A trigger proposes, and a person decides. Until then what is served stays what it was."
    )


def roll_out(teller: Teller) -> None:
    """Roll out: the retrained model takes over step by step, judged by what came true."""
    teller.say(
        "The floors of 0.70 and 0.65 were written in spring. On calm autumn days no model here reaches them, so the team drops"
        " them: what stays is that nothing may get worse. Rules change as everything does, by a change that stays on record."
    )
    teller.do("""sed -i '/"roc_auc >= 0.70",/d; /"slice(carrier).roc_auc >= 0.65",/d' loopline.toml""")
    teller.do('loopline policy --push --why "floors of spring do not fit autumn; no model may get worse"')
    teller.do(f'loopline withdraw {CHAMPION} --why "it goes out step by step, with the service"')
    teller.say(
        "One change for the deployment and the champion: both move when the rollout is through, or neither does."
    )
    teller.do(
        f'loopline deploy {PROD} --model model/delay@4 --also {CHAMPION} --why "trained with August and September"',
        expect=8,
    )
    teller.do(f"loopline approve {PROD} --as bob")
    teller.do(f"loopline apply {PROD}")
    teller.say(
        "October is asked day by day, and told at the end of each day what has become of its flights. A unit is a flight number:"
        " each counts once a step, by the mean of its first week, a day after it."
    )
    _replay(teller, "10")
    one = _settled(teller)
    teller.do(f"loopline rollouts {PROD}")
    if one["progress"]["state"] == "finished":
        teller.say(
            "The new model is not worse than 0.02 of the Brier score allows: everybody meets it, and it is the champion."
        )
    elif one["progress"]["state"] == "stopped":
        teller.say("The judge has stopped it: everybody meets the old model again, and no ref has moved.")
    else:
        teller.say("So few flights decide nothing, and nothing goes on without evidence. Somebody ends it.")
        teller.do(f'loopline abort {PROD} --why "too few flights to tell"')


def roll_back(teller: Teller) -> None:
    """Roll back: the mistake of July happens again, and the judge finds it."""
    teller.months("10")
    teller.do('loopline add data/flights --message "October"', expect=1)
    teller.do('loopline promote data/flights@main --to latest --why "October"')
    teller.do("git switch --quiet --create units-again")
    teller.do("""sed -i 's/^UNIT = "minutes"/UNIT = "seconds"/' months.py""")
    teller.do("loopline branch data/flights units-again")
    teller.months("9-10")
    teller.do('loopline add data/flights --branch units-again --message "September and October, delays converted"')
    teller.do("loopline run train --param data=data/flights@units-again")
    teller.do(f'loopline deploy {PROD} --model model/delay@5 --also {CHAMPION} --why "the best metrics ever"', expect=1)
    teller.say(
        "The policy refuses it. Somebody on call lets it through: from there on only what comes true can stop it."
    )
    teller.do(f'loopline apply {PROD} --override "the demo wants to see it" --as sam')
    _replay(teller, "11 --days 1-14")
    one = _settled(teller)
    teller.do(f"loopline rollouts {PROD}")
    if one["progress"]["state"] == "stopped":
        teller.say(
            "Found worse, taken back and marked, and every request was answered: only the units of its share have met it."
        )
        teller.say(
            "An incident was opened for it. What happened is read from the feed, and somebody says how it ended."
        )
        teller.do(f"loopline postmortem {_incident(teller)}")
        teller.do(f'loopline resolve {_incident(teller)} --why "{UNITS}; the model is in quarantine"')
        teller.say("Whoever tries again is refused.")
        teller.do(f"loopline deploy {PROD} --model model/delay@5 --also {CHAMPION}", expect=1)
    else:
        teller.say(
            "So few flights do not show it, and nothing goes on without evidence. Somebody ends it and marks it."
        )
        teller.do(f'loopline abort {PROD} --why "{UNITS}" --quarantine')
    teller.do("git checkout --quiet months.py")
    teller.do("git switch --quiet main")
    teller.do("loopline checkout data/flights@main")


def look_back(teller: Teller) -> None:
    """Look back: how delivery went, and where its time went."""
    teller.say(
        "Times are those of this demo: nobody had to wait for anybody, and what would be weeks elsewhere is minutes here."
    )
    teller.do("loopline insights --days 1")
    teller.say(
        "What a ledger cannot see people say. Whose answer it was is not kept, and fewer than five are not told."
    )
    teller.do('loopline assess fairness manual --note "quality by carrier, looked at in each check"')
    teller.do("loopline respond delivery 4")
    teller.get(f"{teller.url}/p/flights/insights")


def _incident(teller: Teller) -> str:
    """Give the newest incident by its first digits."""
    newest = teller.ask("loopline find incidents --limit 1")[0]
    return str(newest["id"])[:14]


def _replay(teller: Teller, words: str) -> None:
    """Ask about days of flights, and tell the server each day what has come true."""
    address = teller.wait("loopline services", lambda found: found[0]["state"] == "ready" and found[0]["url"])
    teller.wait(f"loopline rollouts {PROD}", lambda found: found[0]["progress"]["state"] == "rolling")
    every = f" --every {teller.every}" if teller.every > 1 else ""
    teller.do(f"python replay.py {words} --url {address} --tell {teller.url} --pace {PACE}{every}")


def _settled(teller: Teller) -> Any:
    """Give the rollout as the controller leaves it once it has seen all that was asked."""
    seen: dict[str, int] = {}

    def looked(found: Any) -> Any:
        one = found[0]
        first = seen.setdefault(one["change"], one["looked_at"])
        over = one["progress"]["state"] in ("finished", "stopped", "paused")
        return one if over or one["looked_at"] > first + 3_000_000 else None

    return teller.wait(f"loopline rollouts {PROD}", looked)


def _proposed(trigger: Any) -> bool:
    """Tell whether a trigger's last firing has led to a change."""
    return bool((trigger.get("last") or {}).get("change"))


def _judged(change: Any) -> bool:
    """Tell whether a check of a change has answered."""
    return any(one["result"] != "pending" for one in change["verdicts"])


CHAPTERS: tuple[Callable[[Teller], None], ...] = (
    version_data, train_a_model, promote_it, better_with_july, bad_data, ask, serve, correct_rows, meet_traffic,
    reality_answers, react, roll_out, roll_back, look_back,
)  # fmt: skip
