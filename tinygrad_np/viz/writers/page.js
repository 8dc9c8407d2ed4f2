"use strict";
// Lights up what is in the picture: pan, zoom, search, hover, follow, and the walk of the backward pass.
(() => {
const $ = id => document.getElementById(id);
const { levels, wires, theme } = JSON.parse($("data").textContent);
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
  stage.innerHTML = level.svg;
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
    g.querySelector("title")?.remove();
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
  edges.forEach(g => g.querySelector("title")?.remove());
  $("caption").textContent = level.caption;
  arrow();
  pinned = null; panel.hidden = true; tip.hidden = true;
  begin(); keepTexts(); find(); walk(walking);
}

function arrow() {      // the arrowhead of the backward pass, at the start of an edge
  const ns = "http://www.w3.org/2000/svg", marker = document.createElementNS(ns, "marker");
  const values = { id: svg.id + "back", viewBox: "0 0 10 10", refX: 1, refY: 5, markerWidth: 9, markerHeight: 9,
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

// A layered drawing: ranks by longest path, order by the mean of the neighbors, places by what is next to what.
function drawn(made) {
  const size = made.nodes.map(n => [Math.max(70, ...n.lines.map(([k, t]) => t.length * (k === "b" ? 7.4 : k === "s" ? 5.6 : 6.6) + 24)),
                                    n.lines.length * 16 + 14]);
  const rank = made.nodes.map(() => 0), below = made.nodes.map(() => []), above = made.nodes.map(() => []);
  made.edges.forEach(([a, b]) => { below[a].push(b); above[b].push(a); });
  const waits = above.map(list => list.length), queue = [];
  waits.forEach((w, i) => { if (!w) queue.push(i); });
  for (let q = 0; q < queue.length; q++) for (const b of below[queue[q]]) {
    rank[b] = Math.max(rank[b], rank[queue[q]] + 1);
    if (!--waits[b]) queue.push(b);
  }
  made.nodes.forEach((n, i) => { if (!above[i].length && below[i].length) rank[i] = Math.min(...below[i].map(b => rank[b])) - 1; });
  const low = Math.min(0, ...rank), rows = [];
  const items = made.nodes.map((n, i) => ({ i, rank: rank[i] - low, w: size[i][0], h: size[i][1], up: [], down: [], group: n.around.join("/") }));
  const ways = made.edges.map(([a, b]) => {      // a long edge goes through a place in every row between
    const way = [items[a]];
    for (let r = items[a].rank + 1; r < items[b].rank; r++) {
      const place = { i: -1, rank: r, w: 10, h: 0, up: [], down: [], group: items[a].group === items[b].group ? items[a].group : "" };
      items.push(place); way.push(place);
    }
    way.push(items[b]);
    for (let k = 1; k < way.length; k++) { way[k - 1].down.push(way[k]); way[k].up.push(way[k - 1]); }
    return way;
  });
  for (const item of items) (rows[item.rank] ||= []).push(item);
  const mean = (list, otherwise) => list.length ? list.reduce((s, x) => s + x.x, 0) / list.length : otherwise;
  const settle = row => {
    let x = 0;
    for (const item of row) { item.x = x + item.w / 2; x += item.w + 26; }
  };
  rows.forEach(settle);
  for (let turn = 0; turn < 10; turn++) {
    const down = turn % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wish = new Map(row.map(item => [item, mean(down ? item.up : item.down, item.x)])), groups = new Map();
      for (const item of row) { const g = groups.get(item.group) || []; g.push(wish.get(item)); groups.set(item.group, g); }
      const middle = new Map([...groups].map(([g, list]) => [g, list.reduce((s, v) => s + v, 0) / list.length]));
      row.sort((a, b) => a.group === b.group ? wish.get(a) - wish.get(b) : middle.get(a.group) - middle.get(b.group));
      for (const item of row) item.want = wish.get(item);
      spread(row);
    }
  }
  let y = 30;
  for (const row of rows) {
    const tall = Math.max(...row.map(item => item.h), 10), framed = row.some(item => item.group) ? 22 : 0;
    for (const item of row) item.y = y + framed / 2 + tall / 2;
    y += tall + 44 + framed;
  }
  const left = Math.min(...items.map(item => item.x - item.w / 2)) - 40, right = Math.max(...items.map(item => item.x + item.w / 2)) + 40;
  const esc = t => t.replace(/[&<>"]/g, c => "&#" + c.charCodeAt(0) + ";");
  const parts = [], fill = k => `var(--${k}-fill)`, line = k => `var(--${k}-border)`;
  for (const f of made.frames) {
    const all = items.slice(f.first, f.last), pad = 16 - 3 * f.depth;
    if (!all.length) continue;
    const x0 = Math.min(...all.map(a => a.x - a.w / 2)) - pad, x1 = Math.max(...all.map(a => a.x + a.w / 2)) + pad;
    const y0 = Math.min(...all.map(a => a.y - a.h / 2)) - pad - 10, y1 = Math.max(...all.map(a => a.y + a.h / 2)) + pad;
    parts.push(`<g class="frame" data-box="${esc(f.id)}" tabindex="0" role="button" aria-label="Close ${esc(f.label)}">` +
      `<rect x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" rx="8" fill="var(--cluster-fill)" stroke="${line("module")}"/>` +
      `<text x="${x0 + 8}" y="${y0 + 14}" font-size="11" fill="var(--text)">− ${esc(f.label)}</text></g>`);
  }
  made.edges.forEach(([a, b, tracked, times], k) => {
    const way = ways[k], from = way[0], to = way[way.length - 1];
    let d = `M${from.x},${from.y + from.h / 2}`, px = from.x, py = from.y + from.h / 2;
    for (const p of way.slice(1)) {
      const qy = p === to ? p.y - p.h / 2 - 7 : p.y, my = (py + qy) / 2;
      d += `C${px},${my} ${p.x},${my} ${p.x},${qy}`; px = p.x; py = qy;
    }
    const dash = tracked ? "" : ' stroke-dasharray="5,4"';
    parts.push(`<g id="v0e${k}" class="edge"><path fill="none" stroke="var(--edge)"${dash} d="${d}"/>` +
      `<polygon fill="var(--edge)" stroke="var(--edge)" points="${px - 4},${py} ${px + 4},${py} ${px},${py + 7}"/>` +
      (times > 1 ? `<text x="${(from.x + to.x) / 2 + 6}" y="${(from.y + to.y) / 2}" font-size="10" fill="var(--muted)">×${times}</text>` : "") + "</g>");
  });
  made.nodes.forEach((n, i) => {
    const { x, y: cy, w, h } = items[i];
    let said = "", ty = cy - h / 2 + 20;
    for (const [k, t] of n.lines) {
      if (k === "p") said += `<rect x="${x - w / 2 + 5}" y="${ty - 12}" width="${w - 10}" height="16" fill="${fill("param")}"/>`;
      said += `<text x="${x}" y="${ty}" text-anchor="middle" font-size="${k === "s" ? 10 : 12}"${k === "b" ? ' font-weight="bold"' : ""} ` +
              `fill="var(--${k === "s" ? "muted" : "text"})">${esc(t)}</text>`;
      ty += 16;
    }
    parts.push(`<g id="v0n${i}" class="node"><rect x="${x - w / 2}" y="${cy - h / 2}" width="${w}" height="${h}" ` +
      `rx="${["param", "leaf"].includes(n.kind) ? 16 : 5}" fill="${fill(n.kind)}" stroke="${line(n.kind)}"/>${said}</g>`);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" id="v0" viewBox="${left} 0 ${right - left} ${y + 10}" ` +
         `font-family="Helvetica,Arial,sans-serif">${parts.join("")}</svg>`;
}
// Each in its order as near as it may be to where it wants to be.
function spread(row) {
  const gap = (a, b) => (a.w + b.w) / 2 + (a.group === b.group ? 26 : 44), blocks = [];
  for (const item of row) {
    blocks.push({ items: [item], offsets: [0], sum: item.want, at: item.want });
    while (blocks.length > 1) {
      const b = blocks[blocks.length - 1], a = blocks[blocks.length - 2];
      const shift = a.offsets[a.offsets.length - 1] + gap(a.items[a.items.length - 1], b.items[0]);
      if (a.at + shift <= b.at) break;
      a.items.push(...b.items);
      a.offsets.push(...b.offsets.map(o => o + shift));
      a.sum += b.sum - shift * b.items.length;
      a.at = a.sum / a.items.length;
      blocks.pop();
    }
  }
  for (const b of blocks) b.items.forEach((item, k) => { item.x = b.at + b.offsets[k]; });
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
