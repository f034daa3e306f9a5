// Tables: sort by a click on a heading (`data-table`), filter what is on the page, choose rows to compare (`data-pick`).
const NUMBERS = /[\s\u202f,]/g;

function value_of(row, column, how) {
  const cell = row.cells[column];
  const time = cell?.querySelector("time");
  if (time) return Date.parse(time.dateTime);
  const text = cell?.textContent.trim() ?? "";
  if (how !== "number") return text.toLocaleLowerCase();
  const number = parseFloat(text.replace(NUMBERS, "").replace("\u2212", "-").replace("∞", "Infinity"));
  return Number.isNaN(number) ? null : number;
}

function sortable(table) {
  for (const head of table.tHead?.querySelectorAll("th[data-sort]") ?? []) {
    if (head.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.tHead.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      const keyed = rows.map((row) => [value_of(row, head.cellIndex, head.dataset.sort), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
        return down ? -order : order;
      });
      table.tBodies[0].append(...keyed.map(([, row]) => row));
    });
  }
}

function filterable(table) {
  const rows = table.tBodies[0]?.rows ?? [];
  if (rows.length < 12 || table.dataset.filtered !== undefined) return;
  table.dataset.filtered = "";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = `Filter ${rows.length} rows`;
  input.setAttribute("aria-label", input.placeholder);
  input.addEventListener("input", () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLocaleLowerCase().includes(word));
  });
  (table.closest(".scroll") ?? table).before(input);
}

function pickable(form) {
  const most = Number(form.dataset.pick);
  const boxes = () => [...form.querySelectorAll("input[type=checkbox][name=run]")];
  const said = form.querySelector("[data-picked]");
  const button = form.querySelector(".actions .button");
  const count = () => {
    const chosen = boxes().filter((one) => one.checked);
    for (const one of boxes()) {
      one.disabled = !one.checked && chosen.length >= most;
      one.closest("tr").setAttribute("aria-selected", one.checked);
    }
    button.disabled = chosen.length < 2;
    button.classList.toggle("first", chosen.length > 1);
    button.closest(".actions").classList.toggle("picked", chosen.length > 0);
    said.textContent = chosen.length ? `${chosen.length} of up to ${most}` : `choose 2 to ${most} runs`;
  };
  let before = null;
  form.addEventListener("click", (event) => {
    const box = event.target.closest("input[type=checkbox][name=run]");
    if (!box) return;
    if (event.shiftKey && before) {   // everything between two boxes
      const all = boxes();
      const [a, b] = [all.indexOf(before), all.indexOf(box)].sort((x, y) => x - y);
      for (const one of all.slice(a, b + 1).slice(0, most)) one.checked = box.checked;
    }
    before = box;
    count();
  });
  form.addEventListener("change", count);
  count();
}

function wake() {
  document.querySelectorAll("table[data-table]").forEach((table) => { sortable(table); filterable(table); });
  document.querySelectorAll("form[data-pick]").forEach((form) => { if (!form.dataset.awake) { form.dataset.awake = "1"; pickable(form); } });
}

document.addEventListener("loopline:swapped", wake);
addEventListener("pageshow", () => document.querySelectorAll("form[data-pick]").forEach((form) => form.dispatchEvent(new Event("change"))));
wake();
