"use strict";
(() => {
  const board = JSON.parse(document.getElementById("data").textContent);
  const floats = decode(board.floats);
  const byId = (id) => document.getElementById(id);
  const better = board.mode === "max" ? 1 : -1;

  // ---- the runs ---------------------------------------------------------------------------

  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  const part = ([start, count]) => floats.subarray(start, start + count);
  const runs = board.runs.map((run, index) => ({
    ...run,
    index,
    curves: new Map(Object.entries(run.curves).map(([name, place]) => [name, part(place)])),
    points: run.points && {
      x: part([run.points[0], run.points[1]]),
      y: part([run.points[0] + run.points[1], run.points[1]]),
    },
    text: [run.name, run.state, run.headline, run.reason, ...Object.entries(run.params).flat()]
      .join(" ").toLowerCase(),
  }));
  const best = runs.reduce(
    (top, run) =>
      run.score !== null && (!top || better * run.score > better * top.score) ? run : top,
    null,
  );

  // What can be sorted and filtered by: hyperparameters, the score, and what a run cost.
  const columns = [
    ...board.params.map((name) => column(name, name, (run) => run.params[name] ?? null, true)),
    column("=search", "search", (run) => run.search || null, false),
    column("=score", board.score, (run) => run.score, false),
    column("=seconds", "seconds", (run) => run.seconds, false),
    column("=epochs", "epochs", (run) => run.epochs, false),
    column("=state", "state", (run) => run.state, false),
    column("=verdict", "verdict", (run) => run.headline, false),
  ].filter((one) => one.values.length > 0 && (one.key !== "=search" || one.choices.length > 1));
  const parameters = columns.filter((one) => one.chosen);
  const scoreColumn = columns.find((one) => one.key === "=score");

  function column(key, label, value, chosen) {
    const values = runs.map(value).filter((x) => x !== null && x !== undefined);
    const numbers = values.length > 0 && values.every((x) => typeof x === "number");
    const numeric = numbers && !board.choices.includes(key);
    const low = numeric ? Math.min(...values) : 0;
    const high = numeric ? Math.max(...values) : 0;
    const different = numeric ? [] : [...new Set(values)].sort(numbers ? (a, b) => a - b : undefined);
    const choices = different.map(String);
    const labels = different.map(short);
    const log = numeric && low > 0 && (board.log.includes(key) || high / low > 50);
    return { key, label, value, chosen, values, numeric, low, high, choices, labels, log };
  }

  /** Where a run stands on a column, from 0 to 1; NaN where it has no value. */
  function place(one, run) {
    const value = one.value(run);
    if (value === null || value === undefined) return NaN;
    if (!one.numeric) {
      const last = one.choices.length - 1;
      return last ? one.choices.indexOf(String(value)) / last : 0.5;
    }
    const to = one.log ? Math.log : (x) => x;
    return one.high > one.low ? (to(value) - to(one.low)) / (to(one.high) - to(one.low)) : 0.5;
  }

  /** The value at a place between 0 and 1 of a numeric column. */
  function valueAt(one, share) {
    if (share <= 0 || share >= 1) return share <= 0 ? one.low : one.high; // whatever rounds
    return one.log
      ? one.low * (one.high / one.low) ** share
      : one.low + share * (one.high - one.low);
  }

  // ---- what the reader has chosen; kept in the address, so that a renewed page stays as it was --

  const state = { search: "", sort: "", descending: false, metric: "", filters: {} };
  try {
    Object.assign(state, JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}"));
  } catch {
    // An address typed by hand: as if there were none.
  }
  const known = new Set(columns.map((one) => one.key));
  for (const key of Object.keys(state.filters)) if (!known.has(key)) delete state.filters[key];

  function remember() {
    history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(state)));
  }

  function passes(run) {
    const words = state.search.toLowerCase().split(/\s+/);
    if (!words.every((word) => run.text.includes(word))) return false;
    return columns.every((one) => {
      const filter = state.filters[one.key];
      if (!filter) return true;
      const value = one.value(run);
      if (value === null || value === undefined) return false;
      if (!one.numeric) return filter.choices.includes(String(value));
      return value >= (filter.low ?? -Infinity) && value <= (filter.high ?? Infinity);
    });
  }

  function compare(a, b) {
    const sign = state.descending ? -1 : 1;
    if (state.sort === "") return sign * (a.index - b.index);
    const one = columns.find((each) => each.key === state.sort);
    const [x, y] = [one.value(a), one.value(b)];
    const missing = (value) => value === null || value === undefined;
    if (missing(x) || missing(y)) return missing(x) - missing(y) || a.index - b.index; // last
    const at = (value) => one.choices.indexOf(String(value));
    const order = one.numeric ? x - y : at(x) - at(y);
    return sign * order || a.index - b.index;
  }

  // ---- drawing ------------------------------------------------------------------------------

  const ink = {};
  function readInk() {
    const style = getComputedStyle(document.documentElement);
    const names = ["paper", "ink", "faint", "rule", "training", "point", "validation", "rate", "gap",
      "good", "warn", "bad", "plain"];
    for (const name of names) ink[name] = style.getPropertyValue("--" + name).trim();
  }

  function short(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (typeof value !== "number") return String(value);
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e6) return String(value);
    if (size >= 1e-3 && size < 1e6) return String(Number(value.toPrecision(4)));
    return value.toExponential(2).replace(/\.?0+e/, "e");
  }

  /** The paper of a canvas at the screen's resolution, wiped. */
  function paper(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "11px system-ui, sans-serif";
    pen.lineJoin = "round";
    return { pen, width, height };
  }

  function ticks(low, high, count, log) {
    if (log) {
      const found = [];
      const decades = Math.log10(high / low);
      const steps = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
      for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade++)
        for (const step of steps) {
          const value = step * 10 ** decade;
          if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
        }
      return found.filter((_, i) => i % Math.ceil(found.length / (count + 2)) === 0);
    }
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
      found.push(Number((i * step).toPrecision(12)));
    return found;
  }

  /** A range that shows what matters: the outermost hundredth of the values may leave it. */
  function range(values, atLeast = 0) {
    const finite = Float64Array.from(values.filter(Number.isFinite)).sort();
    if (!finite.length) return { low: 0, high: 1, log: false };
    const at = (share) => finite[Math.round(share * (finite.length - 1))];
    let [low, high] = finite.length > 200 ? [at(0.002), at(0.99)] : [finite[0], at(1)];
    const log = low > 0 && high > 20 * low;
    if (log) return { low: low / 1.1, high: high * 1.1, log };
    if (high - low < atLeast) {
      const middle = (low + high) / 2;
      [low, high] = [middle - atLeast / 2, middle + atLeast / 2];
    }
    const room = 0.05 * (high - low) || 0.05 * Math.abs(high) || 0.5;
    return { low: low - room, high: high + room, log };
  }

  /** Draws lines and points; returns the chart, which knows where a value stands. */
  function chart(canvas, { x, y, lines, bare, titles = ["", ""] }) {
    const { pen, width, height } = paper(canvas);
    const box = bare
      ? { left: 1, right: width - 1, top: 4, bottom: height - 3 }
      : { left: 50, right: width - 16, top: 10, bottom: height - 34 };
    const to = (axis) => (axis.log ? (v) => Math.log(Math.max(v, 1e-300)) : (v) => v);
    const scale = (axis, from, until) => {
      const [low, high] = [to(axis)(axis.low), to(axis)(axis.high)];
      return (value) => from + ((to(axis)(value) - low) / (high - low || 1)) * (until - from);
    };
    const [px, py] = [scale(x, box.left, box.right), scale(y, box.bottom, box.top)];
    pen.strokeStyle = ink.rule;
    pen.fillStyle = ink.faint;
    pen.lineWidth = 1;
    if (!bare) {
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      for (const value of ticks(y.low, y.high, 5, y.log)) {
        stroke(pen, [[box.left, py(value)], [box.right, py(value)]]);
        pen.fillText(short(value), box.left - 6, py(value));
      }
      pen.textAlign = "center";
      pen.textBaseline = "top";
      const wanted = x.names ? x.names.map((_, i) => i) : ticks(x.low, x.high, 6, x.log);
      for (const value of wanted)
        pen.fillText(x.names ? clip(x.names[value]) : short(value), px(value), box.bottom + 5);
      pen.fillText(titles[0], (box.left + box.right) / 2, box.bottom + 19);
      stroke(pen, [[box.left, box.bottom], [box.right, box.bottom]]);
    }
    if (bare) {
      pen.font = "9px system-ui, sans-serif";
      pen.textBaseline = "bottom";
      for (const value of ticks(y.low, y.high, 2, y.log).slice(0, 4)) {
        stroke(pen, [[box.left, py(value)], [box.right, py(value)]]);
        pen.fillText(short(value), box.left + 1, py(value));
      }
    }
    pen.save();
    pen.beginPath();
    pen.rect(box.left - 4, box.top - 4, box.right - box.left + 8, box.bottom - box.top + 8);
    pen.clip();
    for (const line of lines) {
      pen.strokeStyle = pen.fillStyle = line.color;
      pen.globalAlpha = line.alpha ?? 1;
      if (line.dots) {
        for (let i = 0; i < line.y.length; i++)
          if (Number.isFinite(line.y[i])) dot(pen, px(line.x[i]), py(line.y[i]), line.dots);
        continue;
      }
      pen.lineWidth = line.width ?? 1.6;
      const corners = []; // a gap is an epoch without validation
      for (let i = 0; i < line.y.length; i++)
        if (Number.isFinite(line.y[i])) corners.push([px(line.x[i]), py(line.y[i])]);
      if (corners.length === 1) dot(pen, ...corners[0], 2);
      else stroke(pen, corners);
    }
    pen.restore();
    return { px, py, box };
  }

  function stroke(pen, corners) {
    if (corners.length < 2) return;
    pen.beginPath();
    corners.forEach(([a, b], i) => (i ? pen.lineTo(a, b) : pen.moveTo(a, b)));
    pen.stroke();
  }

  function dot(pen, a, b, radius) {
    pen.beginPath();
    pen.arc(a, b, radius, 0, 2 * Math.PI);
    pen.fill();
  }

  const clip = (text, most = 12) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
  const epochsOf = (values) => Array.from(values, (_, i) => i + 1);

  // ---- the tip beside the pointer -----------------------------------------------------------

  function tip(event, text) {
    const box = byId("tip");
    box.hidden = !text;
    if (!text) return;
    box.textContent = text;
    const { width, height } = box.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, window.innerWidth - width - 6);
    const top = event.clientY + 16 + height > window.innerHeight ? event.clientY - height - 10
      : event.clientY + 16;
    box.style.left = Math.max(4, left) + "px";
    box.style.top = Math.max(4, top) + "px";
    (document.querySelector("dialog[open]") ?? document.body).append(box); // above a dialog, too
  }

  const pointer = (canvas, event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  /** Calls `read(x, y, event)` for the text of the tip while the pointer is over the canvas. */
  function hover(canvas, read) {
    canvas.addEventListener("pointermove", (event) => tip(event, read(...pointer(canvas, event))));
    canvas.addEventListener("pointerleave", (event) => tip(event, ""));
  }

  // ---- the wall -----------------------------------------------------------------------------

  const names = [...new Set(runs.flatMap((run) => [...run.curves.keys()]))];
  const metrics = names.map((name) => name.replace(/^val_/, "")).filter((name, i, all) => all.indexOf(name) === i);
  if (!metrics.includes(state.metric))
    state.metric = metrics.includes(board.metric) ? board.metric : metrics[0] ?? "";

  let axes = null; // of the wall, for the metric shown
  function shared() {
    if (axes?.metric === state.metric) return axes;
    const values = [];
    let longest = 1;
    for (const run of runs)
      for (const name of [state.metric, "val_" + state.metric]) {
        const curve = run.curves.get(name) ?? [];
        longest = Math.max(longest, curve.length);
        for (const value of curve) values.push(value);
      }
    axes = { metric: state.metric, x: { low: 1, high: Math.max(2, longest) }, y: range(values, 0.02) };
    return axes;
  }

  function lines(run, metric) {
    return [[metric, ink.training], ["val_" + metric, ink.validation]]
      .filter(([name]) => run.curves.has(name))
      .map(([name, color]) => ({ name, color, y: run.curves.get(name), x: epochsOf(run.curves.get(name)) }));
  }

  function readings(run, metric, epoch) {
    return [metric, "val_" + metric]
      .filter((name) => run.curves.has(name) && epoch <= run.curves.get(name).length)
      .map((name) => `${name.startsWith("val_") ? "validation" : "training"} ${short(run.curves.get(name)[epoch - 1])}`);
  }

  const seen = new Set(); // cards on the screen, or nearly
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const card = cards[Number(entry.target.dataset.index)];
      if (entry.isIntersecting) {
        seen.add(card);
        drawCard(card);
      } else seen.delete(card);
    }
  }, { rootMargin: "200px" });

  const cards = runs.map((run) => {
    const item = document.createElement("li");
    const button = element("button", "card" + (run === best ? " best" : ""));
    button.type = "button";
    const top = element("span", "top");
    const unfinished = ["pruned", "running"].includes(run.state) ? ` ${run.state}` : "";
    const name = element("span", "name", run.name);
    name.append(element("span", "state", unfinished));
    top.append(name, element("span", "score", short(run.score)));
    const canvas = document.createElement("canvas");
    const verdict = element("span", "verdict " + run.tone, run.headline);
    const chosen = Object.entries(run.params).map(([name, value]) => `${name} ${short(value)}`).join(", ");
    const words = element("span", "chosen", chosen);
    words.title = chosen;
    button.append(top, canvas, verdict, words);
    button.setAttribute(
      "aria-label",
      `${run.name}, ${board.score} ${short(run.score)}, ${run.headline}${chosen ? ", " + chosen : ""}`,
    );
    button.addEventListener("click", () => open(run));
    item.dataset.index = run.index;
    item.append(button);
    const card = { run, item, button, canvas, shape: null };
    hover(canvas, (x) => {
      if (!card.shape) return "";
      const { box } = card.shape;
      const { high } = shared().x;
      const epoch = Math.round(1 + ((x - box.left) / (box.right - box.left)) * (high - 1));
      const values = readings(run, state.metric, Math.max(1, epoch));
      return values.length ? `epoch ${Math.max(1, epoch)}\n${state.metric}: ${values.join(", ")}` : "";
    });
    watcher.observe(item);
    return card;
  });

  function drawCard(card) {
    const { x, y } = shared();
    card.shape = chart(card.canvas, { x, y, lines: lines(card.run, state.metric), bare: true });
  }

  function element(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  let shown = runs;
  function renew() {
    choose();
    const wall = byId("wall");
    const pass = new Set(shown);
    const held = document.activeElement; // moving a node takes its focus away
    wall.append(...shown.map((run) => cards[run.index].item));
    if (held?.isConnected && wall.contains(held)) held.focus({ preventScroll: true });
    for (const card of cards) card.item.hidden = !pass.has(card.run);
    byId("nothing").hidden = shown.length > 0;
    const counts = ["running", "pruned", "failed"]
      .map((name) => [runs.filter((run) => run.state === name).length, name])
      .filter(([count]) => count).map(([count, name]) => `${count} ${name}`);
    const leader = best ? `best ${board.score} ${short(best.score)} (${best.name})` : "no score yet";
    byId("summary").textContent = [
      shown.length === runs.length ? `${runs.length} runs` : `${shown.length} of ${runs.length} runs`,
      ...counts, leader, board.made,
    ].join(" · ");
    const active = Object.keys(state.filters).length;
    byId("active").textContent = active ? ` (${active})` : "";
    byId("order").textContent = state.descending ? "↓ descending" : "↑ ascending";
    remember();
  }

  function choose() {
    shown = runs.filter(passes).sort(compare);
    drawScatter();
    drawParallel();
  }

  // ---- every hyperparameter against the score -------------------------------------------------

  const plots = scoreColumn?.numeric
    ? parameters.map((one) => {
        const figure = element("figure");
        const canvas = document.createElement("canvas");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${one.label} against ${board.score}`);
        figure.append(element("figcaption", "", one.label + (one.log ? " (logarithmic)" : "")), canvas);
        byId("scatter").append(figure);
        const plot = { one, canvas, shape: null };
        hover(canvas, (x, y) => {
          const run = nearest(plot, x, y);
          canvas.style.cursor = run ? "pointer" : "";
          return run
            ? `${run.name}\n${one.label} ${short(one.value(run))}\n${board.score} ${short(run.score)}\n${run.headline}`
            : "";
        });
        canvas.addEventListener("click", (event) => {
          const run = nearest(plot, ...pointer(canvas, event));
          if (run) open(run);
        });
        return plot;
      })
    : [];
  byId("scatter-section").hidden = !plots.length;

  // Searches differ in their epochs, so each has a colour.
  const searches = [...new Set(runs.map((run) => run.search))];
  const hues = ["training", "rate", "good", "warn"];
  for (const [i, name] of searches.entries()) {
    const swatch = element("span", "swatch " + hues[i % hues.length]);
    byId("scatter-key").append(swatch, (searches.length > 1 && name) || "a run", " ");
  }
  byId("scatter-key").append(element("span", "swatch validation"), "the best; a click opens it");

  const across = (one, run) => {
    const value = one.value(run);
    if (value === null || value === undefined) return NaN;
    if (one.numeric) return value;
    const aside = ((run.index * 0.618034) % 1) - 0.5; // so that runs of one choice stand apart
    return one.choices.indexOf(String(value)) + 0.4 * aside;
  };

  function nearest(plot, x, y) {
    let [found, distance] = [null, 14];
    for (const run of shown) {
      if (run.score === null) continue;
      const away = Math.hypot(plot.shape.px(across(plot.one, run)) - x, plot.shape.py(run.score) - y);
      if (away < distance) [found, distance] = [run, away];
    }
    return found;
  }

  function drawScatter() {
    const y = range(runs.filter((run) => run.score !== null).map((run) => run.score));
    const pass = new Set(shown);
    const dots = (one, those, color, alpha, size) => {
      const scored = those.filter((run) => run.score !== null);
      return { x: scored.map((run) => across(one, run)), y: scored.map((run) => run.score), color, alpha, dots: size };
    };
    for (const plot of plots) {
      const { one } = plot;
      const room = 0.04 * (one.high - one.low) || 0.5;
      const x = !one.numeric
        ? { low: -0.5, high: one.choices.length - 0.5, names: one.labels }
        : one.log
          ? { low: one.low / 1.15, high: one.high * 1.15, log: true }
          : { low: one.low - room, high: one.high + room };
      plot.shape = chart(plot.canvas, {
        x, y,
        lines: [
          dots(one, runs.filter((run) => !pass.has(run)), ink.faint, 0.2, 2.5),
          ...searches.map((name, i) =>
            dots(one, shown.filter((run) => run.search === name), ink[hues[i % hues.length]],
              shown.length > 150 ? 0.45 : 0.75, 3.5)),
          dots(one, best && pass.has(best) ? [best] : [], ink.validation, 1, 5),
        ],
      });
    }
  }

  // ---- parallel coordinates -------------------------------------------------------------------

  const parallel = byId("parallel");
  const pillars = scoreColumn ? [...parameters, scoreColumn] : [];
  byId("parallel-section").hidden = parameters.length < 2 || !scoreColumn?.numeric;
  parallel.style.minWidth = Math.max(520, 110 * pillars.length) + "px"; // room for the names
  let frame = null;

  function drawParallel() {
    if (byId("parallel-section").hidden) return;
    const { pen, width, height } = paper(parallel);
    const [left, right, top, bottom] = [64, width - 64, 34, height - 24];
    const at = (i) => left + (i / (pillars.length - 1)) * (right - left);
    const level = (share) => bottom - share * (bottom - top);
    frame = { at, level, top, bottom };
    const pass = new Set(shown);
    const scored = runs.filter((run) => run.score !== null)
      .sort((a, b) => pass.has(a) - pass.has(b) || better * (a.score - b.score));
    const first = scored.findIndex((run) => pass.has(run)); // the worst of those that pass
    for (const [i, run] of scored.entries()) {
      const share = (i - first + 1) / (scored.length - first); // its rank
      pen.strokeStyle = !pass.has(run) ? ink.rule : run === best ? ink.validation : ink.training;
      pen.globalAlpha = !pass.has(run) ? 0.35 : run === best ? 1 : 0.06 + 0.74 * share ** (1 + scored.length / 60);
      pen.lineWidth = run === best ? 2.4 : 1.2;
      stroke(pen, pillars.map((one, i) => [at(i), level(place(one, run))]).filter(([, b]) => !Number.isNaN(b)));
    }
    pen.globalAlpha = 1;
    pen.textAlign = "center";
    pillars.forEach((one, i) => {
      pen.strokeStyle = ink.faint;
      pen.lineWidth = 1;
      stroke(pen, [[at(i), top], [at(i), bottom]]);
      pen.fillStyle = ink.ink;
      pen.textBaseline = "alphabetic";
      pen.fillText(clip(one.label, 18), at(i), 14);
      pen.fillStyle = ink.faint;
      const ends = one.numeric ? [short(one.low), short(one.high)]
        : [one.labels[0], one.labels[one.labels.length - 1]];
      pen.fillText(clip(ends[1]), at(i), top - 6);
      pen.textBaseline = "top";
      pen.fillText(clip(ends[0]), at(i), bottom + 6);
      const [low, high] = brushed(one);
      if (low > 0 || high < 1) {
        pen.globalAlpha = 0.35;
        pen.fillStyle = ink.validation;
        pen.fillRect(at(i) - 6, level(high), 12, level(low) - level(high));
        pen.globalAlpha = 1;
      }
    });
  }

  /** The part of an axis that its filter keeps. */
  function brushed(one) {
    const filter = state.filters[one.key];
    if (!filter) return [0, 1];
    if (!one.numeric) {
      const kept = filter.choices.map((each) => one.choices.indexOf(each) / (one.choices.length - 1 || 1));
      return kept.length ? [Math.min(...kept) - 0.02, Math.max(...kept) + 0.02] : [0, 0];
    }
    const at = (value, otherwise) => (value === undefined ? otherwise : place(one, fake(one, value)));
    return [Math.max(0, at(filter.low, 0)), Math.min(1, at(filter.high, 1))];
  }

  const fake = (one, value) =>
    one.chosen ? { params: { [one.key]: value } } : { score: value, seconds: value, epochs: value };

  let drag = null;
  parallel.addEventListener("pointerdown", (event) => {
    const [x, y] = pointer(parallel, event);
    const i = pillars.findIndex((_, i) => Math.abs(frame.at(i) - x) < 20);
    if (i < 0) return;
    drag = { one: pillars[i], from: y };
    parallel.setPointerCapture(event.pointerId);
  });
  parallel.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const y = pointer(parallel, event)[1];
    if (Math.abs(y - drag.from) < 4) return;
    const share = (at) => Math.min(1, Math.max(0, (frame.bottom - at) / (frame.bottom - frame.top)));
    const [low, high] = [share(Math.max(y, drag.from)), share(Math.min(y, drag.from))];
    const { one } = drag;
    state.filters[one.key] = one.numeric
      ? { low: valueAt(one, low), high: valueAt(one, high) }
      : { choices: one.choices.filter((_, i) => {
          const at = one.choices.length > 1 ? i / (one.choices.length - 1) : 0.5;
          return at >= low - 0.02 && at <= high + 0.02;
        }) };
    choose();
  });
  for (const end of ["pointerup", "pointercancel"])
    parallel.addEventListener(end, () => {
      drag = null;
      letGo();
    });

  /** Brings the wall into line, and keeps the axes under the pointer while it shrinks or grows. */
  function letGo() {
    const before = parallel.getBoundingClientRect().top;
    showFilters();
    renew();
    scrollBy({ top: parallel.getBoundingClientRect().top - before, behavior: "instant" });
  }
  parallel.addEventListener("dblclick", (event) => {
    const x = pointer(parallel, event)[0];
    const i = pillars.findIndex((_, i) => Math.abs(frame.at(i) - x) < 20);
    if (i < 0) return;
    delete state.filters[pillars[i].key];
    letGo();
  });

  // ---- steps, importance, notes ----------------------------------------------------------------------

  for (const step of board.steps) {
    const item = element("li");
    item.append(element("strong", step.passed ? "" : "bad", step.title + ": "), step.verdict);
    if (step.picture) {
      const picture = element("img");
      picture.src = "data:image/png;base64," + step.picture;
      picture.alt = step.title + ": " + step.verdict;
      item.append(picture);
    }
    byId("steps").append(item);
  }
  byId("steps-section").hidden = !board.steps.length;

  for (const [name, share] of board.importance) {
    const row = byId("importance").insertRow();
    row.append(element("th", "", name));
    const bar = element("span", "bar");
    bar.style.width = 100 * share + "%";
    row.insertCell().append(bar);
    row.insertCell().textContent = (100 * share).toFixed(0) + "%";
  }
  byId("importance-words").textContent = board.importance_words;
  byId("importance-section").hidden = !board.importance_words;
  byId("notes").append(...board.notes.map((note) => element("li", "note", note)));
  byId("notes-section").hidden = !board.notes.length;

  // ---- one run --------------------------------------------------------------------------------

  const dialog = byId("trial");
  let opened = null;
  let charts = [];

  function open(run) {
    opened = run;
    byId("trial-title").textContent = `${run.name}: ${board.score} ${short(run.score)}`;
    byId("trial-verdict").textContent = run.reason ? `${run.reason} ${run.words}` : run.words;
    byId("trial-verdict").className = "";
    const facts = byId("facts");
    facts.replaceChildren();
    const rows = [...Object.entries(run.params), ["state", run.state], ["epochs", run.epochs],
      ["seconds", run.seconds], ...Object.entries(run.facts)];
    for (const [name, value] of rows) {
      if (value === null || value === undefined) continue;
      const row = facts.insertRow();
      row.append(element("th", "", name));
      row.insertCell().textContent = Number.isInteger(value) ? String(value) : short(value); // a seed
    }
    if (!dialog.open) dialog.showModal();
    charts = chartsOf(run).map(({ title, key, ...wanted }) => {
      const figure = element("figure");
      const caption = element("figcaption", "", title);
      for (const [color, words] of key) {
        const swatch = element("span", "swatch");
        swatch.style.background = color;
        caption.append(" ", swatch, words);
      }
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${title} of ${run.name}`);
      figure.append(caption, canvas);
      const made = { figure, canvas, wanted, shape: null };
      hover(canvas, (x) => {
        const { px } = made.shape;
        const read = wanted.lines.filter((line) => line.name).map((line) => {
          let near = 0;
          for (let i = 0; i < line.x.length; i++)
            if (Math.abs(px(line.x[i]) - x) < Math.abs(px(line.x[near]) - x)) near = i;
          return [line.x[near], `${line.name} ${short(line.y[near])}`];
        });
        return read.length ? `epoch ${short(read[read.length - 1][0])}\n${read.map(([, words]) => words).join("\n")}` : "";
      });
      return made;
    });
    byId("charts").replaceChildren(...charts.map(({ figure }) => figure));
    drawCharts();
    const at = shown.indexOf(run);
    byId("previous").disabled = at <= 0;
    byId("next").disabled = at < 0 || at === shown.length - 1;
  }

  function drawCharts() {
    for (const each of charts) each.shape = chart(each.canvas, { ...each.wanted, titles: ["epoch", ""] });
  }

  /** The loss with its points, each metric, the gap, the rate. */
  function chartsOf(run) {
    const longest = Math.max(2, ...[...run.curves.values()].map((curve) => curve.length));
    const x = { low: 1, high: longest };
    const named = (those) => those.map((line) => ({ ...line, name: line.name.startsWith("val_") ? "validation" : "training" }));
    const made = [];
    for (const metric of metrics) {
      if (metric === "learning_rate") continue;
      const drawn = named(lines(run, metric));
      const key = drawn.map((line) => [line.color, line.name]);
      let from = x;
      if (metric === "loss" && run.points) {
        const width = 1 + 2 * Math.floor(run.points.y.length / 60);
        const training = drawn.findIndex((line) => line.name === "training");
        if (training >= 0) drawn.splice(training, 1), key.splice(training, 1);
        drawn.unshift(
          { ...run.points, color: ink.point, dots: 1.8 },
          { x: run.points.x, y: average(run.points.y, width), color: ink.training, name: "moving average" },
        );
        key.unshift([ink.point, "batches"], [ink.training, `moving average of ${width}`]);
        from = { low: 0, high: longest };
      }
      if (!drawn.length) continue;
      made.push({ title: metric, key, x: from, y: range(drawn.flatMap((line) => [...line.y]), 0.02), lines: drawn });
    }
    const judged = [run.curves.get(board.metric), run.curves.get("val_" + board.metric)];
    if (judged[0] && judged[1]) {
      const gap = Array.from(judged[1].slice(0, judged[0].length), (value, i) => better * (judged[0][i] - value));
      made.push({
        title: `gap: training ahead of validation, ${board.metric}`, key: [], x, y: range([...gap, 0], 0.02),
        lines: [{ x: [x.low, x.high], y: [0, 0], color: ink.faint, width: 1 }, { x: epochsOf(gap), y: gap, color: ink.gap, name: "gap" }],
      });
    }
    const rate = run.curves.get("learning_rate");
    if (rate)
      made.push({
        title: "learning rate", key: [], x, y: range([...rate]),
        lines: [{ x: epochsOf(rate), y: rate, color: ink.rate, name: "rate" }],
      });
    return made;
  }

  function average(values, width) {
    const half = Math.floor(width / 2);
    return Array.from(values, (_, i) => {
      let [sum, count] = [0, 0];
      for (let j = Math.max(0, i - half); j <= Math.min(values.length - 1, i + half); j++)
        if (Number.isFinite(values[j])) (sum += values[j]), count++;
      return count ? sum / count : NaN;
    });
  }

  function turn(by) {
    const next = shown[shown.indexOf(opened) + by];
    if (next) open(next);
  }
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    tip(null, "");
    cards[opened.index].button.focus();
  });

  // ---- the controls -----------------------------------------------------------------------------

  function options(select, pairs, value) {
    select.append(...pairs.map(([key, label]) => new Option(label, key, false, key === value)));
  }
  if (state.sort && !known.has(state.sort)) state.sort = "";
  options(byId("sort"), [["", "order of the runs"], ...columns.map((one) => [one.key, one.label])], state.sort);
  options(byId("metric"), metrics.map((name) => [name, name.replaceAll("_", " ")]), state.metric);
  byId("search").value = state.search;
  byId("search").addEventListener("input", (event) => {
    state.search = event.target.value;
    renew();
  });
  byId("sort").addEventListener("change", (event) => {
    state.sort = event.target.value;
    // The best first, where there is a best.
    state.descending = state.sort === "=score" && board.mode === "max";
    renew();
  });
  byId("order").addEventListener("click", () => {
    state.descending = !state.descending;
    renew();
  });
  byId("metric").addEventListener("change", (event) => {
    state.metric = event.target.value;
    redraw();
    remember();
  });
  byId("clear").addEventListener("click", () => {
    state.filters = {};
    showFilters();
    renew();
  });

  function showFilters() {
    byId("filter-fields").replaceChildren(...columns.map((one) => {
      const field = element("fieldset");
      field.append(element("legend", "", one.label));
      const filter = state.filters[one.key];
      if (one.numeric) {
        for (const [end, words, bound] of [["low", "at least", one.low], ["high", "at most", one.high]]) {
          const input = document.createElement("input");
          input.type = "text"; // numbers such as 3e-4, which number inputs of some phones refuse
          input.inputMode = "decimal";
          input.placeholder = short(bound);
          input.value = filter?.[end] === undefined ? "" : short(filter[end]);
          input.setAttribute("aria-label", `${one.label} ${words}`);
          input.addEventListener("change", () => {
            const typed = input.value.trim();
            // What is typed off the page stands for the number that it shortens.
            const value = typed === "" ? NaN : [one.low, one.high].find((each) => short(each) === typed) ?? Number(typed);
            const kept = { ...state.filters[one.key], [end]: value };
            if (Number.isNaN(value)) delete kept[end];
            if (Object.keys(kept).length) state.filters[one.key] = kept;
            else delete state.filters[one.key];
            input.setAttribute("aria-invalid", typed !== "" && Number.isNaN(value));
            renew();
          });
          field.append(input, " ");
        }
        return field;
      }
      for (const [i, choice] of one.choices.entries()) {
        const label = element("label");
        const box = document.createElement("input");
        box.type = "checkbox";
        box.checked = !filter || filter.choices.includes(choice);
        box.addEventListener("change", () => {
          const kept = [...field.querySelectorAll("input")].map((each, i) => each.checked && one.choices[i]);
          const choices = kept.filter((each) => each !== false);
          if (choices.length === one.choices.length) delete state.filters[one.key];
          else state.filters[one.key] = { choices };
          renew();
        });
        label.append(box, " ", clip(one.labels[i], 40));
        field.append(label);
      }
      return field;
    }));
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    readInk();
    redraw();
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => state.theme ?? (dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(wanted()));
  function turnTheme() {
    state.theme = wanted() === "dark" ? "light" : "dark";
    setTheme(state.theme);
    remember();
  }
  byId("theme").addEventListener("click", turnTheme);

  function redraw() {
    for (const card of seen) drawCard(card);
    drawScatter();
    drawParallel();
    if (dialog.open) open(opened);
  }
  let resized = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(resized);
    resized = requestAnimationFrame(redraw);
  });

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (dialog.open) {
      if (event.key === "ArrowLeft") turn(-1);
      if (event.key === "ArrowRight") turn(1);
      return;
    }
    if (typing) return;
    if (event.key === "/") {
      event.preventDefault();
      byId("search").focus();
    } else if (event.key === "t") turnTheme();
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const at = shown.findIndex((run) => cards[run.index].button === document.activeElement);
      const next = shown[at + (event.key === "ArrowRight" ? 1 : -1)];
      if (next) cards[next.index].button.focus();
    }
  });

  document.querySelector("h1").textContent = board.title;
  for (const section of document.querySelectorAll("section:not([hidden])")) {
    const link = element("a", "", section.dataset.name);
    link.href = "#";
    link.addEventListener("click", (event) => {
      event.preventDefault(); // the address holds what the reader chose
      section.scrollIntoView();
    });
    byId("places").append(link);
  }
  setTheme(wanted());
  showFilters();
  renew();
  if (board.renew)
    setInterval(() => {
      // Not while someone reads a run or types.
      if (!dialog.open && !document.activeElement?.matches("input, select")) location.reload();
    }, 1000 * board.renew);
})();
