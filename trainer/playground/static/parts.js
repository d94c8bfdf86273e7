// The parts of a card that are drawn when they are opened: the map of mistakes, the automaton, the network as a graph,
// and the lines of Python. Each is a function from a panel of app.js and the element that it fills.
"use strict";

const BLOT = 3; // pixels of a wrong answer among a million right ones, which one pixel would not show
const NEAR = 5; // pixels of the screen
const SLICE_MS = 40; // of work, after which the browser may draw

const pause = () => new Promise((resolve) => setTimeout(resolve));

function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// The map of mistakes

async function drawMap(panel, root) {
  const { run, epoch } = panel, operands = finite.operandsOf(run), size = operands.length;
  const canvas = query("canvas", root), note = query(".note", root);
  Object.assign(canvas, { width: size, height: size });
  const context = canvas.getContext("2d"), colors = mapColors(canvas);
  const first = run.dashes ? 1 : 0;
  const weights = await computed.weightsOf(run, epoch);
  const wrong = [];
  canvas.onclick = (event) => askAt(panel, operands, wrong, event);
  let row = 0, until = performance.now() + SLICE_MS;
  try {
    for (const flags of finite.mistakes(run, weights)) {
      context.putImageData(mapRow(flags, colors), 0, size - 1 - row);
      flags.forEach((isWrong, column) => { if (isWrong) wrong.push([row, column]); });
      row++;
      if (performance.now() < until) continue;
      note.textContent = `${(row * size).toLocaleString("en")} of ${(size * size).toLocaleString("en")} questions so far; wrong: ${wrong.length.toLocaleString("en")}`;
      await pause();
      if (panel.epoch !== epoch || !root.open || !canvas.isConnected) return;
      until = performance.now() + SLICE_MS;
    }
    if (wrong.length < size) enlarge(context, wrong, size);
    note.textContent = mapInWords(run, wrong, size, first);
  } catch (error) {
    note.textContent = `There is no map: ${error.message}.`;
  }
  canvas.setAttribute("aria-label", note.textContent);
}

// The colours of right and wrong answers, from the style of the page, as numbers.
function mapColors(canvas) {
  const style = getComputedStyle(canvas), context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  return [style.backgroundColor, style.color].map((color) => {
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  });
}

function mapRow(flags, colors) {
  const image = new ImageData(flags.length, 1);
  flags.forEach((isWrong, column) => image.data.set(colors[isWrong], 4 * column));
  return image;
}

function enlarge(context, wrong, size) {
  context.fillStyle = getComputedStyle(context.canvas).color;
  const edge = size < 1000 ? 1 : BLOT, before = (edge - 1) / 2;
  for (const [row, column] of wrong) context.fillRect(column - before, size - 1 - row - before, edge, edge);
}

function mapInWords(run, wrong, size, first) {
  const all = (size * size).toLocaleString("en");
  if (!wrong.length) return `Every one of the ${all} answers on this map is right.`;
  const equal = wrong.filter(([left, right]) => left === right).length;
  const where = equal === wrong.length ? " All of them are of two equal numbers" : equal ? ` ${equal.toLocaleString("en")} of them are of two equal numbers` : "";
  const ranges = equal === wrong.length ? `: ${rangesOf(wrong.map(([left]) => left + first))}.` : where && ".";
  return `${wrong.length.toLocaleString("en")} of ${all} answers are wrong.${where}${ranges} Click the map to ask a question.`;
}

// Sorted numbers in brief: 500 to 599, 900 to 999.
function rangesOf(numbers) {
  const ranges = [];
  for (const number of numbers) {
    if (ranges.length && ranges.at(-1)[1] === number - 1) ranges.at(-1)[1] = number;
    else ranges.push([number, number]);
  }
  const words = ranges.slice(0, 4).map(([first, last]) => (first === last ? first : `${first} to ${last}`));
  return words.join(", ") + (ranges.length > 4 ? ", …" : "");
}

// Asks the question at a point of the map, or the wrong one nearest to it, if that is near enough to be meant.
function askAt({ run }, operands, wrong, event) {
  const canvas = event.currentTarget, box = canvas.getBoundingClientRect(), size = operands.length;
  const index = (offset, length) => Math.min(size - 1, Math.max(0, Math.floor(offset / length * size)));
  const clicked = [index(box.bottom - canvas.clientTop - event.clientY, canvas.clientHeight),
    index(event.clientX - box.left - canvas.clientLeft, canvas.clientWidth)];
  const distance = ([row, column]) => Math.hypot(row - clicked[0], column - clicked[1]);
  const nearest = wrong.reduce((best, point) => (distance(point) < distance(best) ? point : best), wrong[0] ?? clicked);
  const [left, right] = distance(nearest) * box.width / size <= NEAR ? nearest : clicked;
  askThis(`${operands[left]}${run.symbol}${operands[right]}`);
}

// The automaton

const RADIUS = 70, GAP = 90, MARGIN = 25, LINE = 20, GOLDEN = 2.4; // the dots of a circle lie as the seeds of a sunflower

async function drawAutomaton(panel, root) {
  const { run, epoch } = panel, note = query(".note", root), figure = query("figure", root);
  try {
    const machine = finite.automaton(run, await computed.weightsOf(run, epoch));
    const parts = computed.operands(run, panel.question ?? run.example);
    const path = finite.walk(machine, parts);
    figure.replaceChildren(automatonPicture(machine, path));
    note.textContent = `${machineInWords(machine)} ${pathInWords(machine, path, parts.join(run.symbol))}`;
    query("svg", figure).setAttribute("aria-label", note.textContent);
  } catch (error) {
    figure.replaceChildren();
    note.textContent = `There is no picture: ${error.message}.`;
  }
}

function automatonPicture({ rule, dots, arrows }, path) {
  const count = rule.names.length, middle = 150;
  const center = (state) => [MARGIN + RADIUS + state * (2 * RADIUS + GAP), middle];
  const position = placed(dots, center);
  const picture = svg("svg", { viewBox: `0 0 ${2 * MARGIN + count * 2 * RADIUS + (count - 1) * GAP} 300`, role: "img", class: "automaton" },
    svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
      svg("path", { d: "M0 0 L8 4 L0 8 z", class: "tip" }))));
  rule.names.forEach((name, state) => picture.append(...circle(name, state, center(state), arrows)));
  picture.append(...arrows.filter(({ from, to }) => from !== to).flatMap((arrow) => arrowBetween(arrow, center)));
  const visited = new Set(path.map(({ dot }) => dot));
  dots.forEach((_, dot) => picture.append(svg("circle", {
    cx: position[dot][0], cy: position[dot][1], r: visited.has(dot) ? 6 : 3.5,
    class: dot === path.at(-1).dot ? "dot last" : visited.has(dot) ? "dot visited" : "dot" })));
  picture.append(svg("polyline", { points: path.map(({ dot }) => position[dot].join(",")).join(" "), class: "path" }));
  return picture;
}

// The place of each dot in the circle of its state.
function placed(dots, center) {
  const totals = new Map(), counts = new Map();
  for (const { state } of dots) totals.set(state, (totals.get(state) ?? 0) + 1);
  return dots.map(({ state }) => {
    const index = counts.get(state) ?? 0, [x, y] = center(state);
    counts.set(state, index + 1);
    const radius = 0.8 * RADIUS * Math.sqrt((index + 0.5) / Math.max(totals.get(state), 4));
    return [x + radius * Math.cos(GOLDEN * index), y + radius * Math.sin(GOLDEN * index)];
  });
}

const span = ({ least, most }) => (least === most ? `${least}` : `${least} to ${most}`).replaceAll("-", "−");

function circle(name, state, [x, y], arrows) {
  const stays = arrows.find(({ from, to }) => from === state && to === state);
  const lines = [name, stays ? `stays: ${span(stays)}` : "never stays"];
  return [svg("circle", { cx: x, cy: y, r: RADIUS, class: "group" }),
    ...lines.map((text, line) => svg("text", { x, y: y + RADIUS + 22 + LINE * line, class: line ? "soft" : "name" }, text))];
}

// An arrow to the right runs above the circles, and one to the left below.
function arrowBetween(arrow, center) {
  const side = arrow.to > arrow.from ? -1 : 1, far = Math.abs(arrow.to - arrow.from) > 1;
  const [[x1, y], [x2]] = [center(arrow.from), center(arrow.to)], way = Math.sign(x2 - x1);
  const [from, to] = [x1 + way * RADIUS * 0.7, x2 - way * RADIUS * 0.7];
  const edge = y + side * RADIUS * 0.72, bend = y + side * (far ? 194 : RADIUS + 15);
  const text = y + side * (far ? 129 : RADIUS + 7) + (side > 0 ? 12 : 0);
  return [svg("path", { d: `M${from} ${edge} Q${(from + to) / 2} ${bend} ${to} ${edge}`, class: "arrow", "marker-end": "url(#tip)" }),
    svg("text", { x: (from + to) / 2, y: text, class: "label" }, span(arrow))];
}

function machineInWords({ rule, dots, arrows }) {
  const counts = rule.names.map((name, state) => `${counted(dots.filter((dot) => dot.state === state).length, "states")} for “${name}”`);
  const rows = new Set(dots.map(({ row }) => row)).size;
  const shared = dots.length - rows;
  return `The first layer of latches reads the digits from the units on, and blanks after a shorter number. It has ${counted(rows, "states")}: ${counts.join(", ")}. ` +
    (shared ? `${counted(shared, "states")} stand for several of these, which only later layers tell apart. ` : "Each state stands for one of these. ") +
    `The numbers at the arrows are the ${rule.label}.`;
}

function pathInWords({ rule }, path, question) {
  const steps = path.slice(1).map(({ column, state }) => `${column.map((character) => (character === " " ? catalogue.blank : character)).join(" and ")}: ${rule.names[state]}`);
  return `The way of ${shortened(question)}: start; ${steps.slice(0, 12).join("; ")}${steps.length > 12 ? "; …" : "."}`;
}

// The network as a graph: its layers from the question to the answer, with the shapes and the number of their weights

async function drawGraph(panel, root) {
  const { run, epoch } = panel;
  const weights = await computed.weightsOf(run, epoch), nodes = graphOf(run, weights);
  const total = Object.values(weights).reduce((sum, { values }) => sum + values.length, 0);
  query(".note", root).textContent =
    `${run.model}: ${total.toLocaleString("en")} weights in ${counted(Object.keys(weights).length, "arrays")}. ` +
    `It reads ${run.hints === "none" ? "the characters of the question" : `the question with these hints: ${run.hints}`}.`;
  query("ol", root).replaceChildren(...nodes.map((node) => graphNode(node, weights)));
}

function graphNode({ name, kind, reads, arrays }, weights) {
  const held = arrays.map((array) => weights[array]);
  const sizes = arrays.map((array, index) => `${array.split("/").at(-1)} ${held[index].shape.join(" × ")}`);
  const count = held.reduce((sum, { values }) => sum + values.length, 0);
  return element("li", { className: `node ${kind}` },
    element("b", { textContent: name }),
    element("span", { textContent: [reads && `reads ${reads}`, ...sizes].filter(Boolean).join("; ") }),
    ...(count ? [element("small", { textContent: `${count.toLocaleString("en")} weights` })] : []));
}

// The nodes of a network: one per layer with weights, in the order of its file, and for latches those without weights.
function graphOf(run, weights) {
  const layers = new Map();
  for (const name of Object.keys(weights)) {
    const layer = name.split("/")[0];
    layers.set(layer, [...(layers.get(layer) ?? []), name]);
  }
  const order = run.network === "latch_tagger" ? latchOrder(run, layers) : [...layers.keys()].map((layer) => [layer]);
  return [
    { name: "question", kind: "end", reads: `${run.alphabet.length} different characters`, arrays: [] },
    ...order.map(([layer, reads, kind = "dense"]) => ({ name: layer, kind, reads, arrays: layers.get(layer) ?? [] })),
    { name: "answer", kind: "end", reads: "the most probable character of each step", arrays: [] },
  ];
}

function latchOrder(run, layers) {
  const first = [...layers.keys()].filter((layer) => !/^(settings|layer)_|^logits$/.test(layer));
  const seen = ["the characters"], order = first.map((layer) => [layer, "the characters of a step"]);
  for (let number = 0; number < run.layers; number++) {
    order.push([`settings_${number}`, number ? `layer_${number - 1}` : seen[0]],
      [`latches_${number}`, `settings_${number}, ${number ? "from the last step back" : "from the first step on"}`, "recurrent"]);
    seen.push(`latches_${number} of three steps`);
    order.push([`layer_${number}`, seen.join(", ")]);
  }
  return [...order, ["logits", `layer_${run.layers - 1}`]];
}

// The lines of Python that give the same answer

function drawPython(panel, root) {
  const question = JSON.stringify(shortened(panel.question ?? panel.run.example));
  const note = panel.epoch === null ? "" : "  # by the best weights";
  query("code", root).textContent =
    `import seq2seq_arith as sa\nrun = ${panel.run.python}\nprint(run.ask([${question}]))${note}`;
}
