// Keys: / search, g r to runs, j k through rows, x chooses one, Enter opens, ? help, Ctrl+K everything by name.
import { say } from "./swap.js";

const typing = (event) => event.target.closest?.("input, textarea, select, [contenteditable]");
const sections = [...document.querySelectorAll("[data-go]")];
let going = 0;

const HELP = [
  ["/", "search"], ["Ctrl K", "go anywhere by name"], ["g o … g s", "go to a section: " + sections.map((one) => one.dataset.go).join(" ")],
  ["j k", "next, previous row"], ["Enter", "open the row"], ["x", "choose the row"], ["← →", "walk along a curve"], ["t", "theme"], ["?", "this help"],
];

function rows() {
  return [...document.querySelectorAll("table[data-rows] tbody tr, ul.rows > li")].filter((one) => one.offsetParent && one.querySelector("a"));
}

function walk(step) {
  const all = rows();
  const now = all.findIndex((one) => one.classList.contains("at"));
  const next = all[Math.max(0, Math.min(all.length - 1, now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step))];
  if (!next) return;
  all[now]?.classList.remove("at");
  next.classList.add("at");
  next.querySelector("a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function box(title, ...inside) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", title);
  dialog.append(...inside);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function help() {
  const frame = document.createElement("div");
  frame.className = "keys";
  const head = document.createElement("h2");
  head.textContent = "Keys";
  const list = document.createElement("dl");
  for (const [key, what] of HELP) {
    const term = document.createElement("dt");
    term.append(...key.split(" ").flatMap((one) => { const kbd = document.createElement("kbd"); kbd.textContent = one; return [kbd, " "]; }));
    const meaning = document.createElement("dd");
    meaning.textContent = what;
    list.append(term, meaning);
  }
  frame.append(head, list);
  box("Keys", frame);
}

function places() {
  const seen = new Map();
  for (const link of document.querySelectorAll(".sections a, main a[href], .switcher a")) {
    const text = (link.getAttribute("aria-label") ?? link.textContent).replace(/\s+/g, " ").trim();
    if (text && !seen.has(link.href) && link.origin === location.origin) seen.set(link.href, text);
  }
  return [...seen].map(([href, text]) => ({ href, text, where: decodeURIComponent(new URL(href).pathname).replace(/^\/p\/[^/]+\/?/, "") }));
}

function palette() {
  const all = places();
  const search = document.querySelector(".search");
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "Go to…";
  input.setAttribute("aria-label", "Go to");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", "palette-list");
  const list = document.createElement("ul");
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Places");
  let shown = [];
  let at = 0;
  const mark = () => {
    [...list.children].forEach((one, i) => one.setAttribute("aria-selected", String(i === at)));
    const here = list.children[at];
    here?.scrollIntoView({ block: "nearest" });
    if (here) input.setAttribute("aria-activedescendant", here.id);
  };
  const draw = () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    shown = all.filter((one) => words.every((word) => (one.text + " " + one.where).toLocaleLowerCase().includes(word))).slice(0, 40);
    if (input.value.trim() && search) {
      shown.push({ text: `Search everything for “${input.value.trim()}”`, where: "", href: `${search.action}?text=${encodeURIComponent(input.value.trim())}` });
    }
    list.replaceChildren(...shown.map((one, i) => {
      const item = document.createElement("li");
      item.id = `palette-${i}`;
      item.setAttribute("role", "option");
      const name = document.createElement("span");
      name.textContent = one.text.slice(0, 90);
      const where = document.createElement("span");
      where.className = "dim small";
      where.textContent = one.where.slice(0, 40);
      item.append(name, where);
      item.addEventListener("click", () => { location.href = one.href; });
      return item;
    }));
    at = 0;
    mark();
  };
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") at = Math.min(at + 1, shown.length - 1);
    else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
    else if (event.key === "Enter" && shown[at]) location.href = shown[at].href;
    else return;
    event.preventDefault();
    mark();
  });
  box("Go anywhere", input, list).classList.add("palette");
  draw();
  input.focus();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) palette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (typing(event) && event.target.type !== "checkbox") {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (going) {
    clearTimeout(going);
    going = 0;
    const link = sections.find((one) => one.dataset.go === event.key);
    if (link) { event.preventDefault(); location.href = link.href; }
    return;
  }
  const row = document.querySelector("tr.at, li.at");
  switch (event.key) {
    case "/": event.preventDefault(); document.getElementById("search")?.focus(); break;
    case "?": event.preventDefault(); help(); break;
    case "g": going = setTimeout(() => { going = 0; }, 1500); say("go to…"); break;
    case "j": walk(1); break;
    case "k": walk(-1); break;
    case "x": row?.querySelector("input[type=checkbox]")?.click(); break;
    case "t": document.querySelector("[data-theme-switch]")?.click(); break;
  }
});

const button = document.querySelector("[data-help]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", help);
}
