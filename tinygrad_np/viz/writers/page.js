// Lights up what is in the picture: pan, zoom, search, hover, follow, and the walk of the backward pass.
(() => {
const $ = id => document.getElementById(id);
const { levels, facts, wires, theme } = JSON.parse($("data").textContent);
const told = box => { if (box.facts) box.facts = box.facts.map(k => facts[k]); box.inside?.forEach(told); };
for (const { nodes } of levels) nodes.forEach(told);
const asked = location.hash.slice(1), stage = $("stage"), tip = $("tip"), panel = $("panel"), slider = $("step");
let base, opened = new Set(), at = 0, level, svg, box, home, nodes, edges, pinned = null, walking = false, playing = 0, hits = [], hit = -1;

// ---- one level of detail -----------------------------------------------------------------------------------

function open(index) {
  at = index; base = levels[index]; opened = new Set();
  show(base);
}
function show(shown) {
  const known = level && shown !== base;
  level = shown;
  if (level.svg) stage.innerHTML = level.svg;
  else stage.replaceChildren(document.querySelectorAll("template")[at].content.cloneNode(true));
  svg = stage.querySelector("svg");
  svg.removeAttribute("width"); svg.removeAttribute("height");
  svg.setAttribute("preserveAspectRatio", "xMidYMid meet");
  home = svg.getAttribute("viewBox").split(/\s+/).map(Number);
  const group = name => [...svg.querySelectorAll("g." + name)];
  const numbered = (name, letter) => {
    const out = [];
    for (const g of group(name)) out[+g.id.slice(svg.id.length + letter.length)] = g;
    return out;
  };
  nodes = numbered("node", "n"); edges = numbered("edge", "e");
  for (const g of group("frame")) {
    const close = () => toggle(g.dataset.box);
    g.onclick = event => { if (moved <= 4) { event.stopPropagation(); close(); } };
    g.onkeydown = event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); close(); } };
  }
  nodes.forEach((g, i) => {
    const node = level.nodes[i];
    g.setAttribute("tabindex", "0");
    g.setAttribute("role", "button");
    g.setAttribute("aria-label", node.label + ". " + node.facts.map(f => f.join(" ")).join(". "));
    if (node.inside) g.classList.add("opens");
    g.onpointerenter = event => hint(i, event);
    g.onpointermove = place;
    g.onpointerleave = () => { tip.hidden = true; };
    g.onfocus = () => hint(i, center(g));
    g.onblur = () => { tip.hidden = true; };
    g.onkeydown = event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(i); } };
  });
  $("caption").textContent = level.caption;
  arrow();
  pinned = null; panel.hidden = true; tip.hidden = true;
  begin(); keepTexts(); find(); walk(walking);
}

function arrow() {      // the arrowhead of the backward pass, at the start of an edge
  const ns = "http://www.w3.org/2000/svg", marker = document.createElementNS(ns, "marker");
  const values = { id: svg.id + "back", viewBox: "0 0 10 10", refX: 10, refY: 5, markerWidth: 9, markerHeight: 9,
                   markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" };
  for (const [key, value] of Object.entries(values)) marker.setAttribute(key, value);
  const head = document.createElementNS(ns, "path");
  head.setAttribute("d", "M0 0L10 5L0 10z");
  marker.append(head); svg.prepend(marker);
}

// ---- boxes that are open ---------------------------------------------------------------------------------------

function toggle(id) {
  if (!opened.delete(id)) opened.add(id);
  else for (const other of [...opened]) if (!has(base.nodes, other)) opened.delete(other);
  refresh();
}
function has(boxes, id) {
  return boxes.some(b => b.id === id && b.inside || opened.has(b.id) && b.inside && has(b.inside, id));
}
function refresh() { show(opened.size ? composed() : base); share(); }

// The level with some boxes open: its boxes, joined by the recorded edges between what they stand for.
function composed() {
  const shown = [], frames = [], owner = new Map();
  const put = (boxes, around) => boxes.forEach(b => {
    if (b.inside && opened.has(b.id)) {
      const frame = { id: b.id, label: b.label, kind: b.kind, first: shown.length, depth: around.length };
      frames.push(frame);
      put(b.inside, [...around, b.id]);
      frame.last = shown.length;
      const inside = new Set(b.inside.flatMap(numbers));
      for (const n of numbers(b)) if (!inside.has(n)) owner.set(n, frame.last - 1);
    } else {
      for (const n of numbers(b)) owner.set(n, shown.length);
      shown.push({ facts: [], leaves: [], words: b.label.toLowerCase(), ...b, around });
    }
  });
  put(base.nodes, []);
  const merged = new Map();
  for (let k = 0; k < wires.length; k += 3) {
    const a = owner.get(wires[k]), b = owner.get(wires[k + 1]);
    if (a === undefined || b === undefined || a === b) continue;
    const key = a + "," + b, old = merged.get(key);
    if (old) { old[3]++; old[2] |= wires[k + 2]; } else merged.set(key, [a, b, wires[k + 2], 1, "", null]);
  }
  const made = { nodes: shown, edges: [...merged.values()], kinds: base.kinds, caption: base.caption, frames };
  made.svg = drawn(made);
  return made;
}
function numbers(box) {
  const out = [];
  for (let k = 0; k < box.m.length; k += 2) for (let i = 0; i < box.m[k + 1]; i++) out.push(box.m[k] + i);
  return out;
}

// ---- moving about --------------------------------------------------------------------------------------------

function fit() { look(...home); }
// A long graph opens at its beginning, large enough to read; `f` shows all of it.
function begin() {
  fit();
  const r = stage.getBoundingClientRect(), [x, y, w, h] = home, readable = 1.5;
  if (scale() <= readable) return;
  const tall = h / r.height > w / r.width, width = r.width * readable, height = r.height * readable;
  look(tall ? x + (w - width) / 2 : x, tall ? y : y + (h - height) / 2, width, height);
}
function look(x, y, w, h) { box = [x, y, w, h]; svg.setAttribute("viewBox", box.map(v => v.toFixed(3)).join(" ")); }
function scale() {
  const r = stage.getBoundingClientRect();
  return Math.max(box[2] / r.width, box[3] / r.height);
}
function zoom(factor, cx, cy) {
  const r = stage.getBoundingClientRect(), s = scale();
  const px = box[0] + box[2] / 2 + ((cx ?? r.left + r.width / 2) - r.left - r.width / 2) * s;
  const py = box[1] + box[3] / 2 + ((cy ?? r.top + r.height / 2) - r.top - r.height / 2) * s;
  const w = Math.min(Math.max(box[2] * factor, 20), home[2] * 20), f = w / box[2];
  look(px - (px - box[0]) * f, py - (py - box[1]) * f, w, box[3] * f);
}
function center(g) {
  const r = g.getBoundingClientRect();
  return { clientX: r.left + r.width / 2, clientY: r.bottom };
}
function goTo(g) {
  const r = g.getBoundingClientRect(), v = stage.getBoundingClientRect(), s = scale();
  look(box[0] + (r.left + r.width / 2 - v.left - v.width / 2) * s,
       box[1] + (r.top + r.height / 2 - v.top - v.height / 2) * s, box[2], box[3]);
}

// On paper the whole picture stands, light, whatever was being looked at.
let before = null;
window.addEventListener("beforeprint", () => { before = [box, document.documentElement.dataset.theme]; dress("light"); fit(); });
window.addEventListener("afterprint", () => { if (before) { look(...before[0]); dress(before[1]); before = null; } });

function keepInView(g) {
  const r = g.getBoundingClientRect(), v = stage.getBoundingClientRect();
  if (r.left < v.left || r.right > v.right || r.top < v.top || r.bottom > v.bottom) goTo(g);
}

stage.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.003), event.clientX, event.clientY);
}, { passive: false });

const fingers = new Map();
let moved = 0;
stage.addEventListener("pointerdown", event => {
  if (event.button) return;
  fingers.set(event.pointerId, event);
  moved = 0;
});
window.addEventListener("pointermove", event => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY, s = scale();
  if (fingers.size === 1) look(box[0] - dx * s, box[1] - dy * s, box[2], box[3]);
  else {
    const other = [...fingers.values()].find(f => f.pointerId !== event.pointerId);
    const span = f => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY);
    zoom(span(last) / Math.max(span(event), 1), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
  }
  moved += Math.abs(dx) + Math.abs(dy);
  stage.classList.toggle("moving", moved > 4);
  fingers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, event => {
  fingers.delete(event.pointerId);
  stage.classList.remove("moving");
});
stage.addEventListener("click", event => {
  if (moved > 4) return;
  const g = event.target.closest("g.node");
  if (g) press(nodes.indexOf(g)); else pin(null);
});
// A box that has an inside opens; any other is followed.
function press(i) { if (level.nodes[i].inside) toggle(level.nodes[i].id); else pin(i); }

// ---- what is known of a node ---------------------------------------------------------------------------------

function describe(i, into) {
  const node = level.nodes[i], list = document.createElement("dl"), name = document.createElement("b");
  name.textContent = node.label === node.id ? node.id : node.label + "  " + node.id;
  list.className = "facts";
  for (const [what, value] of node.facts) {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = what; dd.textContent = value;
    list.append(dt, dd);
  }
  into.replaceChildren(name, list);
}
function hint(i, event) {
  if (i === pinned || fingers.size && moved > 4) return;
  describe(i, tip);
  tip.hidden = false;
  place(event);
}
function place(event) {
  const r = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - r.width - 8)) + "px";
  tip.style.top = (event.clientY + r.height + 26 > innerHeight ? Math.max(4, event.clientY - r.height - 12)
                                                               : event.clientY + 18) + "px";
}

// Everything that a node depends on, and everything that depends on it.
function family(i) {
  const found = new Set([i]), links = new Set();
  for (const [from, to] of [[0, 1], [1, 0]]) {
    const queue = [i], seen = new Set(queue);
    while (queue.length) {
      const at = queue.pop();
      level.edges.forEach((e, k) => {
        if (e[from] !== at) return;
        links.add(k);
        if (!seen.has(e[to])) { seen.add(e[to]); found.add(e[to]); queue.push(e[to]); }
      });
    }
  }
  return [found, links];
}
function pin(i) {
  pinned = i === pinned ? null : i;
  const [found, links] = pinned === null ? [null, null] : family(pinned);
  nodes.forEach((g, k) => { g.classList.toggle("dim", !!found && !found.has(k)); g.classList.toggle("lit", k === pinned); });
  edges.forEach((g, k) => g.classList.toggle("dim", !!links && !links.has(k)));
  panel.hidden = pinned === null;
  if (pinned !== null) { describe(pinned, panel); tip.hidden = true; }
}

// ---- search --------------------------------------------------------------------------------------------------

function find() {
  const text = $("search").value.trim().toLowerCase();
  hits = []; hit = -1;
  level.nodes.forEach((node, i) => {
    const found = text && (node.words + " " + node.label.toLowerCase() + " " +
                           node.facts.map(f => f[1]).join(" ").toLowerCase()).includes(text);
    nodes[i].classList.toggle("hit", !!found);
    if (found) hits.push(i);
  });
  $("hits").textContent = text ? (hits.length === 1 ? "1 box" : hits.length + " boxes") : "";
}
$("search").addEventListener("input", find);
$("search").addEventListener("keydown", event => {
  if (event.key === "Enter" && hits.length) {
    hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
    goTo(nodes[hits[hit]]);
  }
  if (event.key === "Escape") { event.target.value = ""; find(); event.target.blur(); }
});

// ---- the two passes ------------------------------------------------------------------------------------------

// The visits of a walk, [box, backward]: the forward pass in the order of creation, the backward pass in its own.
function visits() {
  const back = level.nodes.map((n, i) => [n.step, i]).filter(([s]) => s !== null).sort((a, b) => a[0] - b[0])
    .map(([, i]) => [i, true]);
  return walking === "lecture" ? [...back].reverse().map(([i]) => [i, false]).concat(back) : back;
}
function walk(mode) {
  const changed = walking !== mode;
  walking = mode;
  $("walk").hidden = !mode;
  $("backward").setAttribute("aria-pressed", mode === "backward");
  $("lecture").setAttribute("aria-pressed", mode === "lecture");
  slider.max = visits().length;
  slider.value = mode && !changed ? Math.min(+slider.value, +slider.max) : 0;
  if (!mode) stop();
  step();
}

// The lines of boxes that show numbers, so that they can be filled in.
let texts = [];
function keepTexts() {
  texts = nodes.map(g => g ? [...g.querySelectorAll("text")].map(t => [t, t.textContent])
    .filter(([, said]) => /(^|\s)(data|grad) /.test(said)) : []);
}
function fill(i, data, grad) {
  for (const [text, said] of texts[i] || []) {
    let now = said;
    if (!data) now = now.replace(/^(data ).*?(?=( \| grad |$))/, "$1…");
    if (!grad) now = now.replace(/((^|\s)grad ).*$/, "$1…");
    if (text.textContent !== now) text.textContent = now;
  }
}

function step() {
  const all = visits(), n = +slider.value, now = walking && n ? all[n - 1] : null;
  const current = now && now[0], backward = walking === "backward" || now && now[1];
  const past = new Set(all.slice(0, n).filter(v => v[1]).map(v => v[0]));
  const made = new Set(all.slice(0, n).filter(v => !v[1]).map(v => v[0]));
  const lecture = walking === "lecture";
  edges.forEach((g, k) => {
    const [src, dst, tracked, , , norm] = level.edges[k], path = g.querySelector("path");
    const active = walking && backward && tracked, reached = active && (n === 0 || past.has(dst));
    g.classList.toggle("backward", !!reached);
    g.classList.toggle("moves", !!walking && dst === current && (backward ? !!tracked : true));
    g.classList.toggle("waiting", !!walking && (backward ? !tracked || n > 0 && !past.has(dst) : !made.has(dst)));
    path?.setAttribute("marker-start", reached ? `url(#${svg.id}back)` : "");
    if (path) path.style.strokeWidth = active && norm ? Math.max(1, Math.min(6, 3 + Math.log10(norm))) : "";
  });
  const arrived = new Map(), total = new Map();
  for (const [src, dst, tracked, count] of level.edges) if (tracked) {
    total.set(src, (total.get(src) || 0) + count);
    if (past.has(dst)) arrived.set(src, (arrived.get(src) || 0) + count);
  }
  nodes.forEach((g, i) => {
    const leaf = level.nodes[i].step === null, gone = past.has(i) || arrived.get(i);
    g.classList.toggle("now", i === current);
    g.classList.toggle("waiting", !!walking && (backward ? n > 0 && !gone : !leaf && !made.has(i)));
    const whole = arrived.get(i) === total.get(i) && arrived.get(i) > 0;
    fill(i, !lecture || leaf || backward || made.has(i), !lecture || past.has(i) || whole || !total.get(i) && past.size > 0);
  });
  rule(current, backward);
  share();
  if (current !== null && nodes[current]) keepInView(nodes[current]);
  if (!walking) return;
  if (current === null) {
    $("said").textContent = lecture
      ? `${all.length} steps: forward, where every box computes its number, then backward, where gradients come back. Press → .`
      : `The gradient comes back along ${level.edges.filter(e => e[2]).length} edges, ` +
        `in ${all.length} steps. Move the slider, or press → .`;
    return;
  }
  const node = level.nodes[current], to = [], head = `Step ${n} of ${all.length}: `;
  if (!backward) { $("said").textContent = head + "forward, " + (node.forward || node.label); return; }
  for (const [src, dst, tracked, count] of level.edges) if (tracked && dst === current) {
    const got = arrived.get(src), sum = total.get(src);
    to.push(level.nodes[src].label + (sum > 1 ? ` (${got} of ${sum} added up)` : ""));
  }
  const rows = node.leaves?.length ? ["its " + node.leaves.join(", ")] : [];
  $("said").textContent = head + `${node.label} gives a gradient to ` +
    ([...rows, ...new Set(to)].join(", ") || "nothing");
}

// The chain rule of the current box, written out: what came in, times the local derivative, is what goes on.
function rule(current, backward) {
  const list = $("rule"), lines = walking && backward && current !== null ? level.nodes[current].rule || [] : [];
  list.replaceChildren(...lines.map(([to, incoming, local, gives, how]) => {
    const line = document.createElement("li");
    const put = (name, text) => { const s = document.createElement("span"); s.className = name; s.textContent = text; line.append(s); };
    put("to", "grad of " + to + (how ? "" : " gets "));
    if (how) { put("how", ": "); put("incoming", incoming); put("how", ", " + how + ", is "); put("gives", gives); }
    else { put("incoming", incoming); put("times", " × "); put("local", local); put("equals", " = "); put("gives", gives); }
    return line;
  }));
  list.hidden = !lines.length;
}
function share() {
  const said = walking ? `#${walking}=${+slider.value}${at ? "&level=" + at : ""}${opened.size ? "&open=" +
    [...opened].map(encodeURIComponent).join(",") : ""}` : opened.size ? "#open=" + [...opened].map(encodeURIComponent).join(",") : " ";
  try { history.replaceState(null, "", said === " " ? location.href.split("#")[0] : said); } catch { location.hash = said; }
}
function follow() {     // the link to a step
  const given = new Map(asked.split("&").map(part => part.split("=")));
  const wanted = +given.get("level") || 0;
  if (wanted !== at && levels[wanted]) { $("level").value = wanted; open(wanted); }
  for (const id of (given.get("open") || "").split(",").filter(Boolean)) opened.add(decodeURIComponent(id));
  if (opened.size) refresh();
  for (const mode of ["lecture", "backward"]) if (given.has(mode)) {
    walk(mode);
    slider.value = +given.get(mode) || 0;
    step();
  }
}
function stop() { clearInterval(playing); playing = 0; $("play").textContent = "▶"; }
function play() {
  if (playing) return stop();
  if (+slider.value >= +slider.max) slider.value = 0;
  $("play").textContent = "❚❚";
  playing = setInterval(() => {
    slider.value = +slider.value + 1;
    step();
    if (+slider.value >= +slider.max) stop();
  }, 700);
}
slider.addEventListener("input", step);
$("play").onclick = play;
const toggleWalk = mode => walk(walking === mode ? false : mode);
$("backward").onclick = () => toggleWalk("backward");
$("lecture").onclick = () => toggleWalk("lecture");
$("link").onclick = () => navigator.clipboard?.writeText(location.href);

// ---- the rest ------------------------------------------------------------------------------------------------

function dress(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "Light" : "Dark";
}
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = theme !== "auto";
dark.addEventListener("change", () => { if (!chosen) dress(dark.matches ? "dark" : "light"); });
$("theme").onclick = () => { chosen = true; dress(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); };
$("in").onclick = () => zoom(0.8);
$("out").onclick = () => zoom(1.25);
$("fit").onclick = fit;
$("level").hidden = levels.length < 2;
levels.forEach((l, i) => $("level").add(new Option(`${l.name} (${l.nodes.length})`, i)));
$("level").onchange = event => { slider.value = 0; open(+event.target.value); };
document.addEventListener("keydown", event => {
  if (event.target.matches("input[type=search], select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const nudge = by => { if (!walking) walk("backward"); slider.value = +slider.value + by; step(); };
  const keys = { "/": () => $("search").focus(), f: fit, "+": () => zoom(0.8), "=": () => zoom(0.8), "-": () => zoom(1.25),
    b: () => toggleWalk("backward"), l: () => toggleWalk("lecture"), c: () => { opened.delete([...opened].pop()); refresh(); },
    Home: () => nudge(-1e9), End: () => nudge(1e9), t: $("theme").onclick, Escape: () => pin(null), ArrowRight: () => nudge(1),
    ArrowLeft: () => nudge(-1), " ": () => walking && play() };
  if (!keys[event.key] || event.target.matches("button") && event.key === " ") return;
  if (event.target === slider && event.key.startsWith("Arrow")) return;
  event.preventDefault();
  keys[event.key]();
});
dress(theme === "auto" ? (dark.matches ? "dark" : "light") : theme);
open(0);
follow();
})();
