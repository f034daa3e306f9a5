// Live pages: regions with `data-live` (kinds of events) or `data-poll` (seconds) are fetched again and replaced; logs grow;
// the theme switch, copy buttons. Without this module every page says the same, only not by itself.
const root = document.documentElement;
const project = document.body.dataset.project;
const said = document.querySelector("[data-say]");

export function say(text) {
  if (said) said.textContent = text;
}

// --- regions -----------------------------------------------------------------------------------------------------------
let waiting = new Set();
let timer = 0;
let fetching = false;

function regions() {
  return [...document.querySelectorAll("[data-live][id], [data-poll][id]")];
}

function fits(kind, patterns) {
  return patterns.split(/\s+/).some((one) =>
    one === "*" || one === kind || (one.endsWith("*") && kind.startsWith(one.slice(0, -1))));
}

function busy(region) {
  const at = document.activeElement;
  const typing = at && region.contains(at) && at.matches("input:not([type=checkbox]), textarea, select");
  return typing || typed(region) || region.querySelector("input[type=checkbox]:checked") || region.matches(":hover:active");
}

function typed(region) {   // what somebody has written and not sent is never thrown away
  return [...region.querySelectorAll("textarea, input:not([type=checkbox], [type=radio], [type=hidden])")]
    .some((one) => one.type !== "search" && (one.value !== one.defaultValue || one.hasAttribute("data-unsent")));
}

export function refresh(ids, soon = 300) {
  ids.forEach((id) => waiting.add(id));
  if (!timer && waiting.size) timer = setTimeout(load, soon);
}

async function load() {
  timer = 0;
  if (fetching || document.hidden) return;
  const ids = [...waiting];
  waiting = new Set();
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    let changed = 0;
    for (const id of ids) {
      const old = document.getElementById(id);
      const next = fresh.getElementById(id);
      if (old && next && !busy(old)) changed += put(old, next);
    }
    for (const next of fresh.querySelectorAll("[data-live][id]")) {   // a panel that was not there before
      if (!document.getElementById(next.id) && ids.length) place(next, fresh);
    }
    for (const old of document.querySelectorAll("[data-live][id]")) {   // a panel that is no longer there
      if (!ids.length || fresh.getElementById(old.id)) continue;
      if (old.dataset.ended) continue;
      if (typed(old)) {
        old.dataset.ended = "1";
        for (const one of old.querySelectorAll("button")) one.disabled = true;
        say("This has ended elsewhere. What you wrote is kept, and cannot be sent.");
      } else {
        if (old.contains(document.activeElement)) document.getElementById("main")?.focus();
        old.remove();
      }
      changed += 1;
    }
    if (changed) document.dispatchEvent(new CustomEvent("loopline:swapped"));
  } catch {
    // the server is away: what is shown stays as it was
  } finally {
    fetching = false;
    if (waiting.size) refresh([], 1000);
  }
}

function put(old, next) {
  if (same(old, next)) return 0;
  const open = new Set([...old.querySelectorAll("details[open]")].map(place_of));
  const scrolls = [...old.querySelectorAll(".scroll, .log")].map((one) => [one.scrollLeft, one.scrollTop]);
  const focus = old.contains(document.activeElement) ? path_of(document.activeElement, old) : null;
  const seen = new Set([...old.querySelectorAll("li, tr")].map((one) => one.textContent));
  const fresh = document.importNode(next, true);
  for (const one of fresh.querySelectorAll("details")) if (open.has(place_of(one))) one.open = true;
  for (const one of fresh.querySelectorAll("li, tbody tr")) {
    if (seen.size && !seen.has(one.textContent) && !one.querySelector("li, tr")) one.classList.add("fresh");
  }
  old.replaceWith(fresh);
  [...fresh.querySelectorAll(".scroll, .log")].forEach((one, i) => {
    if (scrolls[i]) [one.scrollLeft, one.scrollTop] = scrolls[i];
  });
  if (focus) at_path(focus, fresh)?.focus({ preventScroll: true });
  wake(fresh);
  return 1;
}

function place(next, fresh) {
  const before = next.previousElementSibling?.id && document.getElementById(next.previousElementSibling.id);
  if (before) {
    before.after(document.importNode(next, true));
  } else if (next.parentElement?.firstElementChild === next) {
    const neighbour = next.nextElementSibling?.id && document.getElementById(next.nextElementSibling.id);
    if (neighbour) neighbour.before(document.importNode(next, true));
  }
  const put_in = document.getElementById(next.id);
  if (put_in) wake(put_in);
}

function same(a, b) {
  const bare = (one) => {
    const copy = one.cloneNode(true);
    copy.querySelectorAll(".fresh").forEach((each) => each.classList.remove("fresh"));
    copy.querySelectorAll("[data-copy]").forEach((each) => each.setAttribute("hidden", ""));
    copy.querySelectorAll("details").forEach((each) => each.removeAttribute("open"));
    copy.querySelectorAll("input[name=csrf]").forEach((each) => each.removeAttribute("value"));   // masked anew each time
    return copy.innerHTML.replace(/ class=""/g, "");
  };
  return bare(a) === bare(b);
}

function place_of(one) {
  return one.querySelector("summary")?.textContent.trim() + (one.closest("[id]")?.id ?? "");
}

function path_of(element, within) {
  const path = [];
  for (let at = element; at !== within; at = at.parentElement) path.unshift([...at.parentElement.children].indexOf(at));
  return path;
}

function at_path(path, within) {
  return path.reduce((at, index) => at?.children[index], within);
}

// --- events ------------------------------------------------------------------------------------------------------------
// One connection for a tab that is looked at: browsers allow six for each host. It begins behind the last event that the page knows.
let last = document.body.dataset.seq;
let connection = null;
let failures = 0;

async function listen() {
  if (connection || document.hidden || !regions().some((one) => one.dataset.live)) return;
  const mine = connection = new AbortController();
  try {
    const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
    const answer = await fetch(`/api/v1/feed/events?project=${encodeURIComponent(project)}`, { headers, signal: mine.signal });
    if (answer.status >= 400 && answer.status < 500) return;   // not for this caller: the page stays as it is
    if (!answer.ok) throw new Error(answer.status);
    failures = 0;
    await read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    throw new Error("ended");
  } catch {
    if (mine.signal.aborted) return;
    connection = null;
    failures += 1;
    setTimeout(listen, Math.min(1000 * 2 ** failures, 30000));
  }
}

async function read(reader) {
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    const kinds = [];
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").filter((one) => one[0] !== ":").map((one) => one.split(/: ?(.*)/s, 2)));
      if (fields.id) last = fields.id;
      if (fields.event) kinds.push(fields.event);
    }
    const live = regions().filter((one) => one.dataset.live && kinds.some((kind) => fits(kind, one.dataset.live)));
    if (live.length) refresh(live.map((one) => one.id));
  }
}

function stop() {
  connection?.abort();
  connection = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return stop();
  refresh(regions().map((one) => one.id), 50);
  listen();
});
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    refresh(regions().map((one) => one.id), 50);
    listen();
  }
});

function poll() {
  const now = Date.now();
  for (const region of document.querySelectorAll("[data-poll][id]")) {
    const due = Number(region.dataset.due ?? 0);
    if (!due) region.dataset.due = now + region.dataset.poll * 1000;
    else if (now >= due && !document.hidden) {
      region.dataset.due = now + region.dataset.poll * 1000;
      refresh([region.id], 0);
    }
  }
}

// --- a log that grows --------------------------------------------------------------------------------------------------
async function follow(log) {
  let next = Number(log.dataset.next);
  while (log.isConnected) {
    await new Promise((done) => setTimeout(done, 1000));
    if (document.hidden) continue;
    try {
      const url = new URL(log.dataset.tail, location.href);
      url.searchParams.set("offset", next);
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) { if (answer.status < 500) return; continue; }
      const { result } = await answer.json();
      if (result.text) {
        const below = log.scrollTop + log.clientHeight >= log.scrollHeight - 24;
        log.hidden = false;
        if (result.offset !== next) log.append("\n…\n");
        log.append(result.text);
        if (below) log.scrollTop = log.scrollHeight;
        log.previousElementSibling?.matches(".empty") && log.previousElementSibling.remove();
      }
      next = result.next;
      if (result.over) { refresh(["run-head", "log"], 500); return; }
    } catch { /* tried again in a second */ }
  }
}

// --- small things ------------------------------------------------------------------------------------------------------
function wake(within) {
  for (const one of within.querySelectorAll("[data-copy]")) one.hidden = !navigator.clipboard;
  for (const log of within.querySelectorAll("[data-tail]")) {
    log.scrollTop = log.scrollHeight;
    follow(log);
  }
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  await navigator.clipboard.writeText(copy.parentElement.querySelector("code").textContent);
  say("Copied");
  copy.classList.add("fresh");
  setTimeout(() => copy.classList.remove("fresh"), 1600);
});

document.addEventListener("click", (event) => {   // menus close when something else is clicked
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

const theme = document.querySelector("[data-theme-switch]");
if (theme) {
  const names = ["auto", "light", "dark"];
  const show = () => { theme.querySelector("[data-theme-name]").textContent = root.dataset.theme ?? "auto"; };
  theme.hidden = false;
  show();
  theme.addEventListener("click", () => {
    const next = names[(names.indexOf(root.dataset.theme ?? "auto") + 1) % 3];
    if (next === "auto") delete root.dataset.theme; else root.dataset.theme = next;
    try { next === "auto" ? localStorage.removeItem("loopline-theme") : localStorage.setItem("loopline-theme", next); } catch { /* for this page */ }
    show();
    say(`Theme: ${next}`);
  });
}

wake(document);
listen();
setInterval(poll, 500);
