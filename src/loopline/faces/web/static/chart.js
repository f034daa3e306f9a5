// Curves: what stands under the pointer, zoom by dragging, series on and off. The picture itself is made on the server.
const SVG = "http://www.w3.org/2000/svg";

function scale_of(text, log) {
  const [low, high, start, end] = text.split(" ").map(Number);
  const bend = log ? Math.log10 : (x) => x;
  const back = log ? (x) => 10 ** x : (x) => x;
  return {
    low, high, start, end,
    value: (place) => back(bend(low) + (bend(high) - bend(low)) * (place - start) / (end - start)),
  };
}

function points_of(path) {
  const found = [];
  let x = 0;
  let y = 0;
  for (const [, sign, rest] of path.getAttribute("d").matchAll(/([MLHV])([^MLHV]*)/g)) {
    const [a, b] = rest.trim().split(/[\s,]+/).map(Number);
    if (sign === "H") x = a; else if (sign === "V") y = a; else { x = a; y = b; }
    if (sign !== "H") found.push([x, y]);
  }
  return found;
}

function written(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(5))) : value.toExponential(3);
  return text.replace("-", "\u2212");
}

function across(value, how) {
  if (how === "time") return new Date(value / 1000).toLocaleString();
  if (how === "elapsed") return value < 6e7 ? `${(value / 1e6).toFixed(1)} s` : `${Math.floor(value / 6e7)} min ${Math.round(value % 6e7 / 1e6)} s`;
  return `step ${Math.round(value)}`;
}

function awake(svg) {
  if (svg.dataset.awake) return;
  svg.dataset.awake = "1";
  const figure = svg.closest("figure");
  const x = scale_of(svg.dataset.x, false);
  const y = scale_of(svg.dataset.y, Boolean(svg.dataset.log));
  const lines = [...svg.querySelectorAll("path.line[data-series]")].map((path) => ({
    path, name: path.dataset.name, series: path.dataset.series, points: points_of(path),
  }));
  const whole = svg.getAttribute("viewBox");
  const off = new Set();
  let readout = null;
  let hair = null;
  let drag = null;

  const place = (event) => {
    const box = svg.getBoundingClientRect();
    const [left, top, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    return [left + (event.clientX - box.left) / box.width * width, top + (event.clientY - box.top) / box.height * height];
  };
  const clear = () => { readout?.remove(); hair?.remove(); readout = hair = null; };
  const show = (at) => {
    clear();
    const rows = [];
    let near = at;
    let best = Infinity;
    for (const line of lines) {
      if (off.has(line.series) || !line.points.length) continue;
      let point = line.points[0];
      for (const one of line.points) if (Math.abs(one[0] - at) < Math.abs(point[0] - at)) point = one;
      if (Math.abs(point[0] - at) < best) { best = Math.abs(point[0] - at); near = point[0]; }
      rows.push([line, point]);
    }
    if (!rows.length) return;
    hair = document.createElementNS(SVG, "path");
    hair.setAttribute("d", `M${near} ${y.end}V${y.start}`);
    hair.setAttribute("class", "hair");
    svg.append(hair);
    readout = document.createElement("div");
    readout.className = "readout";
    const head = document.createElement("b");
    head.textContent = across(x.value(near), svg.dataset.across);
    readout.append(head);
    for (const [line, point] of rows) {
      const row = document.createElement("span");
      const mark = document.createElement("i");
      mark.className = `mark-${line.series}`;
      const name = document.createElement("span");
      name.append(mark, line.name);
      const value = document.createElement("b");
      value.textContent = written(y.value(point[1]));
      row.append(name, value);
      readout.append(row);
    }
    figure.append(readout);
    const box = svg.getBoundingClientRect();
    const home = figure.getBoundingClientRect();
    const [left, , width] = svg.getAttribute("viewBox").split(" ").map(Number);
    const share = (near - left) / width;
    const middle = box.left - home.left + share * box.width;
    readout.style.top = `${svg.offsetTop ?? 0}px`;
    readout.style.top = `${box.top - home.top + 8}px`;
    if (share > 0.55) readout.style.right = `${home.width - middle + 12}px`; else readout.style.left = `${middle + 12}px`;
  };
  const zoom = (from, to) => {
    const [, top, , height] = whole.split(" ").map(Number);
    const low = Math.max(x.start, Math.min(from, to));
    const high = Math.min(x.end, Math.max(from, to));
    if (high - low < 8) return;
    svg.setAttribute("viewBox", `${low - 4} ${top} ${high - low + 8} ${height}`);
    svg.setAttribute("preserveAspectRatio", "none");
    figure.classList.add("zoomed");
  };
  const unzoom = () => {
    svg.setAttribute("viewBox", whole);
    svg.removeAttribute("preserveAspectRatio");
    figure.classList.remove("zoomed");
    clear();
  };

  svg.addEventListener("pointermove", (event) => {
    const [at] = place(event);
    if (at >= x.start - 4 && at <= x.end + 4) show(at); else clear();
  });
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && event.button === 0) { drag = place(event)[0]; } });
  svg.addEventListener("pointerup", (event) => {
    if (drag !== null && Math.abs(place(event)[0] - drag) > 8) zoom(drag, place(event)[0]);
    drag = null;
  });
  svg.addEventListener("dblclick", unzoom);
  svg.setAttribute("tabindex", "0");
  let key = 0;
  svg.addEventListener("keydown", (event) => {   // arrows walk along the curve, Escape lets go
    const points = lines.find((line) => !off.has(line.series))?.points ?? [];
    if (event.key === "Escape") { unzoom(); return; }
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    event.preventDefault();
    key = Math.max(0, Math.min(points.length - 1, key + (event.key === "ArrowRight" ? 1 : -1) * (event.shiftKey ? 10 : 1)));
    if (points[key]) show(points[key][0]);
  });
  svg.addEventListener("blur", clear);

  const legend = svg.nextElementSibling?.matches(".legend") ? svg.nextElementSibling : null;
  for (const item of legend?.querySelectorAll("li[data-series]") ?? []) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      const hide = !off.delete(item.dataset.series);
      if (hide) off.add(item.dataset.series);
      button.setAttribute("aria-pressed", String(!hide));
      svg.querySelectorAll(`[data-series="${item.dataset.series}"]`).forEach((one) => one.classList.toggle("off", hide));
    });
  }
}

const wake = () => document.querySelectorAll("svg[data-chart=line]").forEach(awake);
document.addEventListener("loopline:swapped", wake);
wake();
