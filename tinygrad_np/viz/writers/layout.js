"use strict";
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
