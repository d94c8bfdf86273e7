// The page of the playground. runs.js, which is loaded before, describes the runs; model.js computes the networks that
// fit on a page. The server of this page evaluates the others; an exported page has no others.
"use strict";

const LONGEST_RUN = 12; // repetitions of one character; longer ones are a single cell
const STEP_MS = 140; // from one character of an answer to the next
const MAX_MS = 1600; // for a whole answer
const WAITING_MS = 250; // before the page shows what it waits for
const CHOICES = 4; // characters that a closer look shows

async function request(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response, content;
  try {
    response = await fetch(path, options);
    content = await response.json();
  } catch {
    throw new Error("the server does not respond; start arith-model serve again, and reload this page");
  }
  if (!response.ok) throw new Error(content.why);
  return content;
}

const answerOf = (run, question, epoch) => run.network
  ? computed.answer(run, question, epoch)
  : request("api/answer", { run: run.name, question, epoch });

// The scores of a model at a length; an exported page contains those of the best weights.
const atLength = async (run, length, epoch) => run.at_lengths
  ? run.at_lengths.find((at) => at.length === length)
  : request("api/length", { run: run.name, length, epoch });

const query = (selector, root = document) => root.querySelector(selector);

function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

// A bar whose length is a share.
function bar(share) {
  const filled = element("i");
  filled.style.width = `${100 * share}%`;
  return element("span", { className: "bar" }, filled);
}

// Text

// A share with one decimal, cut off and not rounded, so that 100.0% means all.
function percent(share) {
  const tenths = Math.floor(share * 1000 + 1e-9);
  return tenths === 0 && share > 0 ? "<0.1%" : `${(tenths / 10).toFixed(1)}%`;
}

// Long repetitions of one character in brief: -{431}p--.
function shortened(text) {
  return text.replace(/(.)\1{12,}/gu, (run, character) => `${character}{${run.length}}`);
}

// A text for a screen reader, which would skip dashes as punctuation.
function spoken(text, task) {
  if (task !== "pq") return text || "nothing";
  return text.replace(/-+/g, (run) => ` ${run.length} dash${run.length > 1 ? "es" : ""} `).trim() || "nothing";
}

// The slice with the lowest accuracy, in words.
function worstInWords({ worst }) {
  if (!worst) return "not evaluated on hard questions";
  return worst.exact_match === 1 ? "every slice of hard questions 100.0%" : `${worst.slice}, ${percent(worst.exact_match)} right: ${worst.why}`;
}

// Whether a proof found a wrong answer, and not only one that rounding may decide.
const isWrong = (proof) => Boolean(proof?.counterexample) && proof.counterexample.answer !== proof.counterexample.prediction;

function proofInWords(proof, task) {
  if (!proof) return "";
  if (proof.holds) return `✓ proved: every question of ${task}, ${proof.reach === "every length" ? "of any length" : proof.reach}, is answered right`;
  const { question, answer, prediction } = proof.counterexample;
  if (!isWrong(proof)) return `not proved: rounding may decide how ${question} is answered`;
  return `✗ not proved: ${question} is ${answer}, and it answers ${prediction || "nothing"}; no shorter question is wrong`;
}

const counted = (number, noun) => `${number.toLocaleString("en")} ${number === 1 ? noun.replace(/(?<=sh)es$|s$/, "") : noun}`;

// Cells: one per step, but a long repetition of one character is a single cell.
function grouped(characters) {
  const cells = [];
  for (let start = 0; start < characters.length; ) {
    let end = start + 1;
    while (end < characters.length && characters[end] === characters[start]) end++;
    if (end - start <= LONGEST_RUN) end = start + 1;
    cells.push({ character: characters[start], start, end });
    start = end;
  }
  return cells;
}

const stepsOf = ({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index);

// The character of a cell, and its number of repetitions.
function shown(cell) {
  const node = element("b", { textContent: cell.character.length > 1 ? stacked(cell.character) : cell.character });
  const count = cell.end - cell.start;
  if (count > 1) node.append(element("span", { textContent: ` × ${count.toLocaleString("en")}` }));
  return node;
}

// The two digits of a position are stacked; several pairs have a line each.
function stacked(characters) {
  return characters.match(characters.length > 2 ? /..?/gu : /./gu).join("\n");
}

// One model with its answer

class Panel {
  constructor(run, place) {
    this.run = run;
    this.root = query("#panel").content.cloneNode(true).firstElementChild;
    this.epoch = null;
    this.tickets = 0;
    query("h2", this.root).textContent = run.name;
    this.showFacts();
    prepareEpochs(this, place);
    this.prepareLengths();
    this.prepareParts();
    query(".find button", this.root).addEventListener("click", () => findWrong(this));
    query(".writes .cells", this.root).addEventListener("keydown", (event) => this.move(event));
    query(".looks select", this.root).addEventListener("change", () => this.lookAt(this.chosen));
  }

  // What it was trained on, how well it does, and what is proved about it.
  showFacts() {
    const { run } = this;
    const facts = {
      network: `${run.model}, ${run.num_weights.toLocaleString("en")} weights; hints: ${run.hints}`,
      "trained on": `${run.trained_on}, of ${run.task}`,
      validation: run.validation === null ? "" : `${percent(run.validation)} of the answers right`,
      "worst slice": worstInWords(run),
      proof: proofInWords(run.proof, run.task),
    };
    query(".facts", this.root).replaceChildren(...Object.entries(facts).filter(([, value]) => value).flatMap(([name, value]) => [
      element("dt", { textContent: name }),
      element("dd", { textContent: value, className: name === "proof" ? (run.proof.holds ? "right" : "wrong") : "" })]));
  }

  // The parts that are drawn when they are opened.
  prepareParts() {
    const { run } = this, isComputed = Boolean(run.network);
    this.parts = [
      [".map", drawMap, isComputed, "weights"], [".machine", drawAutomaton, isComputed && finite.hasAutomaton(run), "all"],
      [".graph", drawGraph, isComputed, "none"], [".python", drawPython, true, "all"],
    ].map(([selector, draw, isThere, follows]) => ({ root: query(selector, this.root), draw, isThere, follows }));
    for (const { root, draw, isThere } of this.parts) {
      root.hidden = !isThere;
      root.addEventListener("toggle", () => root.open && draw(this, root));
    }
  }

  // Draws the open parts again: all of them after new weights, and those that follow a question after it.
  drawParts(reason) {
    for (const { root, draw, follows } of this.parts) {
      if (root.open && (follows === "all" || follows === reason)) draw(this, root);
    }
  }

  // Asks the same question of other weights.
  refresh() {
    this.drawParts("weights");
    if (this.question !== undefined) this.ask(this.question, { animate: false });
  }

  prepareLengths() {
    const { lengths, units, size } = this.run;
    const section = query(".lengths", this.root);
    if (!lengths.length) return;
    section.hidden = false;
    const most = lengths.at(-1), isProved = this.run.proof?.reach === "every length";
    query("button", section).hidden = isProved && Boolean(this.run.at_lengths);
    query(".note", section).textContent = isProved ? "Nowhere: it is proved right at every length."
      : `It was trained on at most ${counted(size, units)}` +
      (most > size ? "." : ", and this page evaluates no longer ones.") +
      (this.run.at_lengths ? " These are the scores of the best weights." : "");
    query("button", section).addEventListener("click", () => this.findLength());
  }

  // Shows why there is no answer; the other panel may have another reason.
  report(problem) {
    this.problem = problem;
    say([...new Set(panels.map((panel) => panel.problem).filter(Boolean))].join(" "));
  }

  // Evaluates a question; of several questions in the meantime, only the last one.
  async ask(question, { animate = true } = {}) {
    this.question = question;
    const ticket = ++this.tickets;
    if (this.busy) return;
    this.busy = true;
    const waiting = setTimeout(() => this.wait(), WAITING_MS);
    try {
      const answer = await answerOf(this.run, question, this.epoch);
      this.report("");
      this.root.classList.remove("refused");
      this.show(answer, animate && ticket === this.tickets);
      this.drawParts("question");
    } catch (error) {
      this.report(error.message);
      this.root.classList.add("refused"); // what it shows is the answer to the question before
      query(".verdict", this.root).textContent = "";
    } finally {
      clearTimeout(waiting);
      this.root.classList.remove("waiting");
      this.busy = false;
    }
    if (ticket !== this.tickets) await this.ask(this.question, { animate: false });
  }

  wait() {
    this.root.classList.add("waiting");
    const first = this.answer ? "The model is answering …" : "The model is being loaded …";
    query(".verdict", this.root).textContent = panels.some((panel) => panel.finding) ? "The evaluation of the lengths comes first …" : first;
  }

  show(answer, animate) {
    this.answer = answer;
    const inColumns = answer.backwards && answer.read.length === answer.written.length && answer.read[0].length > 1;
    query(".reads", this.root).classList.toggle("backwards", inColumns);
    query(".writes", this.root).classList.toggle("backwards", answer.backwards);
    query(".order", this.root).textContent = this.order(answer);
    query(".reads .cells", this.root).replaceChildren(...grouped(answer.read).map((cell) => this.readCell(cell)));
    this.cells = grouped(answer.written);
    this.buttons = this.cells.map((cell, index) => this.writtenCell(cell, index));
    query(".writes .cells", this.root).replaceChildren(
      ...this.buttons.map((button) => element("li", {}, button)));
    this.prepareLooks(answer);
    this.showVerdict(answer);
    const other = panels.find((panel) => panel !== this && panel.chosen !== undefined && panel.question === this.question);
    const place = ask.place ?? (other && other.placeOf(other.chosen));
    const same = place === undefined ? -1 : this.cellAt(place);
    this.lookAt(same < 0 ? Math.min(this.chosen ?? this.leastSure(), this.cells.length - 1) : same);
    this.reveal(animate);
  }

  order(answer) {
    const mode = this.run.character_by_character
      ? "autoregressively: one character after another, each after reading those before it"
      : "in parallel: all characters in one step, shown one after another";
    return `${mode}${answer.backwards ? "; from the last digit to the first" : ""}`;
  }

  readCell(cell) {
    const blank = [...cell.character].every((character) => character === catalogue.blank);
    const many = cell.character.length > 2;
    const node = element("li", { className: `cell${blank ? " blank" : ""}${many ? " many" : ""}` },
      shown(cell), element("small", { className: "look" }));
    node.dataset.start = cell.start;
    node.dataset.end = cell.end;
    return node;
  }

  writtenCell(cell, index) {
    const { step, share } = this.leastSureStep(cell);
    cell.step = step;
    const node = element("button", { type: "button", className: "cell", tabIndex: index ? -1 : 0 },
      shown(cell), " ", element("small", { textContent: percent(share) }), bar(share),
      element("small", { className: "look" }));
    node.classList.toggle("blank", cell.character === catalogue.blank);
    const name = cell.character === catalogue.blank ? "blank" : cell.character === "-" ? "dash" : cell.character;
    const count = cell.end - cell.start;
    const wrong = this.isWrong(cell);
    node.classList.toggle("off", wrong);
    node.setAttribute("aria-label",
      `${count > 1 ? `${count} times ` : ""}${name} ${percent(share)} probability${wrong ? ", wrong" : ""}`);
    node.addEventListener("mouseenter", () => this.choose(index));
    node.addEventListener("focus", () => this.choose(index));
    node.addEventListener("click", () => this.keep(index));
    return node;
  }

  // The position of a cell's first character in the right answer, counted from the units if the model begins with them.
  placeOf(index) {
    return this.mirrored(this.cells[index].start);
  }

  cellAt(place) {
    const step = this.mirrored(place);
    return this.cells.findIndex(({ start, end }) => start <= step && step < end);
  }

  mirrored(step) {
    return this.answer.backwards ? step : [...this.answer.right].length - 1 - step;
  }

  // Selects a character, and that at the same position in the other panel.
  choose(index) {
    this.lookAt(index);
    for (const other of panels) {
      const same = other === this || !other.cells ? -1 : other.cellAt(this.placeOf(index));
      if (same >= 0) other.lookAt(same);
    }
  }

  // Selects a character, and remembers it in the address.
  keep(index) {
    this.choose(index);
    const place = this.placeOf(index);
    ask.place = place < 0 ? undefined : place; // a blank after the answer has no place
    remember("replaceState");
  }

  // Whether the right answer has another character at one of the steps of a cell.
  isWrong(cell) {
    return stepsOf(cell).some((step) => (this.answer.wanted[step] ?? catalogue.blank) !== cell.character);
  }

  // The step of a cell whose written character has the least probability.
  leastSureStep(cell) {
    const { alphabet, probabilities } = this.answer;
    const index = [...alphabet].indexOf(cell.character);
    const step = stepsOf(cell).reduce((least, step) => (probabilities[step][index] < probabilities[least][index] ? step : least));
    return { step, share: probabilities[step][index] };
  }

  leastSure() {
    const shares = this.cells.map((cell) => this.leastSureStep(cell).share);
    return shares.indexOf(Math.min(...shares));
  }

  showVerdict(answer) {
    const { task, equals } = this.run;
    const isRight = answer.answer === answer.right;
    const verdict = isRight
      ? element("span", { className: "right", textContent: " ✓ right" })
      : element("span", { className: "wrong" }, " ✗ wrong: ", element("code", { textContent: shortened(answer.right) }), " is right");
    query(".verdict", this.root).replaceChildren(
      element("code", {
        textContent: `${shortened(answer.question)}${equals || " "}${shortened(answer.answer) || catalogue.blank}`,
      }),
      verdict,
      element("span", {
        className: "note",
        textContent: `The probability of the whole answer is ${percent(answer.confidence)}.`,
      }));
    const sentence = `${this.run.name}: ${spoken(answer.question, task)}${equals ? " is " : ", "}${spoken(answer.answer, task)}`;
    announce(this, `${sentence}, which is ${isRight ? "right" : `wrong; right is ${spoken(answer.right, task)}`}.`);
  }

  // The characters appear in the order in which they are written, and then the verdict.
  reveal(animate) {
    const pause = Math.min(STEP_MS, MAX_MS / this.buttons.length);
    const verdict = [...query(".verdict", this.root).children];
    [...this.buttons, ...verdict].forEach((node, index) => {
      node.classList.toggle("came", animate);
      node.style.animationDelay = `${pause * Math.min(index + 1, this.buttons.length + 1)}ms`;
    });
  }

  move(event) {
    const { backwards } = this.answer;
    const steps = { ArrowRight: backwards ? -1 : 1, ArrowLeft: backwards ? 1 : -1 };
    const [first, last] = backwards ? [this.buttons.length - 1, 0] : [0, this.buttons.length - 1];
    const ends = { Home: first, End: last };
    const next = event.key in ends ? ends[event.key] : this.chosen + steps[event.key];
    if (!(next >= 0 && next < this.buttons.length)) return;
    event.preventDefault();
    this.buttons[next].focus();
  }

  // Details of one character: its alternatives, and the attention of the model.

  lookAt(index) {
    this.chosen = index;
    const { alphabet, probabilities } = this.answer;
    const cell = this.cells[index];
    this.buttons.forEach((button, number) => {
      button.setAttribute("aria-pressed", number === index);
      button.tabIndex = number === index ? 0 : -1;
    });
    const isRun = cell.end - cell.start > 1;
    query(".closer", this.root).hidden = false;
    query(".closer h3", this.root).textContent = isRun
      ? `Steps ${(cell.start + 1).toLocaleString("en")} to ${cell.end.toLocaleString("en")}: the most probable characters at the least sure one`
      : `Step ${cell.start + 1}: the most probable characters`;
    const order = [...alphabet].map((character, place) => [character, probabilities[cell.step][place]]);
    order.sort((first, second) => second[1] - first[1]);
    query(".choices", this.root).replaceChildren(...order.slice(0, CHOICES).map(([character, share]) => element(
      "li", {}, element("code", { textContent: character }), bar(share), element("span", { textContent: percent(share) }))));
    this.showAttention(cell.step);
  }

  prepareLooks(answer) {
    const select = query(".looks select", this.root);
    const before = select.value;
    query(".looks", this.root).hidden = !answer.attention.length;
    const heads = answer.attention.flatMap(({ layer, shares }, place) => [
      ...(shares.length > 1 ? [[`${layer}, mean of its heads`, `${place} mean`]] : []),
      ...shares.map((_, head) => [shares.length > 1 ? `${layer}, head ${head}` : layer, `${place} ${head}`])]);
    select.replaceChildren(...heads.map(([text, value]) => new Option(text, value)));
    // The last layer is the nearest to the answer.
    const last = heads.findLast(([text, value]) => value.endsWith("mean") || heads.length === answer.attention.length);
    select.value = heads.some(([, value]) => value === before) ? before : last?.[1];
  }

  showAttention(step) {
    const { attention, read, written } = this.answer;
    for (const cell of this.root.querySelectorAll(".cell.looked")) {
      cell.classList.remove("looked", "strongly");
      query(".look", cell).textContent = "";
    }
    if (!attention.length) return;
    const [place, head] = query(".looks select", this.root).value.split(" ");
    const { keys, shares } = attention[place];
    const heads = head === "mean" ? shares : [shares[head]];
    const row = keys.map((_, key) => heads.reduce((sum, head) => sum + head[step][key], 0) / heads.length);
    const ofQuestion = keys.length === written.length && keys.length !== read.length ? 0 : Math.min(read.length, keys.length);
    // An autoregressive model reads at each step of the answer the character before it.
    const shift = this.run.character_by_character ? 1 : 0;
    for (const cell of this.root.querySelectorAll(".reads .cell")) {
      this.shade(cell, row.slice(Number(cell.dataset.start), Math.min(cell.dataset.end, ofQuestion)));
    }
    this.cells.forEach((cell, index) => {
      this.shade(this.buttons[index], row.slice(ofQuestion + cell.start + shift, ofQuestion + cell.end + shift));
    });
    const most = row.map((share, key) => [share, keys[key]]).sort((first, second) => second[0] - first[0]).slice(0, 3);
    query(".looks .note", this.root).textContent =
      `It attends most to ${most.map(([share, key]) => `${key} (${percent(share)})`).join(", ")}` +
      (most.some(([, key]) => key === "^") ? "; ^ is the beginning of the answer." : ".");
  }

  shade(cell, shares) {
    const share = shares.reduce((sum, share) => sum + share, 0);
    if (!shares.length || share < 0.005) return;
    cell.classList.add("looked");
    cell.classList.toggle("strongly", share > 0.5);
    // The shades between a pale one and a strong one would hide dark and light letters alike.
    cell.style.setProperty("--share", `${share > 0.5 ? 100 : Math.round(60 * share)}%`);
    query(".look", cell).textContent = `${Math.round(100 * share)}%`;
  }

  // The lengths

  async findLength() {
    const section = query(".lengths", this.root);
    const button = query("button", section), figure = query("figure", section), note = query(".note", section);
    const mine = this.finding = this.finding ? null : { epoch: this.epoch };
    if (!mine) return;
    button.textContent = "Stop";
    const list = element("ol", { className: "bars" });
    figure.replaceChildren(list);
    figure.hidden = false;
    const rows = [];
    let sentence;
    try {
      for (const length of this.run.lengths) {
        note.textContent = `Evaluating ${counted(length, this.run.units)} …`;
        const at = await atLength(this.run, length, mine.epoch);
        if (this.finding !== mine || !panels.includes(this)) break;
        rows.push(at);
        list.append(this.lengthRow(at));
        if (at.worst < catalogue.broken && length >= this.run.size) break;
      }
      sentence = rows.length ? this.lengthInWords(rows) : "Stopped.";
    } catch (error) {
      sentence = error.message;
    }
    if (this.finding !== mine && !list.isConnected) return;  // the search was restarted in the meantime
    note.textContent = sentence;
    this.finding = null;
    button.textContent = "Find the length again";
  }

  lengthRow(at) {
    const row = element("li", {}, element("span", { textContent: counted(at.length, this.run.units) }),
      bar(at.worst), element("span", { textContent: percent(at.worst) }));
    if (at.worst < 1) row.append(element("small", { textContent: `${at.slice}: ${at.wrong}` }));
    return row;
  }

  lengthInWords(rows) {
    const broken = rows.find((at) => at.worst < catalogue.broken);
    const last = rows.at(-1);
    const { units, size } = this.run;
    const legend = "Each bar is the exact match in the worst slice of hard questions.";
    if (!broken) {
      const most = last.length === this.run.lengths.at(-1) ? ", the maximum on this page" : "";
      return `It does not break up to ${counted(last.length, units)}${most}. ${legend}`;
    }
    const where = broken.length > size ? `, trained on ${size}` : "";
    const before = rows[rows.indexOf(broken) - 1]?.length ?? 0;
    const at = broken.length - before > 1 ? `between ${before.toLocaleString("en")} and` : "at";
    return `It breaks ${at} ${counted(broken.length, units)}${where}, in the slice ${broken.slice}. ${broken.why} ${legend}`;
  }
}

// The page

const panels = [];
const catalogue = window.playground; // as trainer/playground/page.py makes it
const selects = [query("#run-0"), query("#run-1")];
const input = query("#question");
const chosenRun = (place) => catalogue.runs.find((run) => run.name === selects[place].value);

// Shows an input error; the empty string means that there is none.
function say(problem) {
  query("#problem").textContent = problem;
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// The answers of all panels, for screen readers.
function announce(panel, sentence) {
  panel.sentence = sentence;
  query("#live").textContent = panels.map((panel) => panel.sentence ?? "").join(" ");
}

// Asks the question in the field; of the answer, it looks at the character at a position, or at the least sure one.
function ask(place) {
  const question = input.value.trim();
  if (!question) return say(`there is no question; write one such as ${chosenRun(0).example}`);
  ask.place = place;
  remember("pushState");
  for (const panel of panels) {
    panel.chosen = undefined;
    panel.ask(question);
  }
}

// Puts a question into the field, and asks it.
function askThis(question) {
  input.value = question;
  ask();
}

// The address contains the networks, their epochs, the question and the chosen character, so that it can be shared, and
// Back works.
function remember(how) {
  if (location.protocol === "about:") return; // in a notebook the page has no address
  const [run, beside] = selects.map((select) => select.value);
  const epochs = panels.map((panel) => panel.epoch);
  const position = ask.place === undefined ? "" : ask.place + 1;
  const fields = { run, beside, question: input.value.trim(), epoch: epochs[0], "epoch-beside": epochs[1], position };
  const address = `#${new URLSearchParams(Object.entries(fields).filter(([, value]) => value))}`;
  if (address !== location.hash) history[location.hash ? how : "replaceState"](null, "", address);
  showLinks();
}

// The link to what the page shows, and the HTML that shows it in another page.
function showLinks() {
  const share = query("#share"), [link, embed] = share.querySelectorAll("input");
  share.hidden = false;
  link.value = location.href;
  embed.value = element("iframe", { src: location.href, title: "Playground", width: "100%", height: 900 }).outerHTML;
  const isLocal = ["", "localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  query(".note", share).textContent = "The link leads to these networks, epochs, question and character." +
    (isLocal ? " But its address is of this computer: for others, put the page of arith-model serve --export on a website." : "");
}

// Shows the panels of the chosen runs; those that stay keep what they show.
function arrange() {
  const wanted = [chosenRun(0), chosenRun(1)].filter(Boolean);
  const kept = wanted.map((run, place) => (panels[place]?.run === run ? panels[place] : new Panel(run, place)));
  panels.splice(0, panels.length, ...kept);
  query("#panels").replaceChildren(...panels.map((panel) => panel.root));
  query("#panels").classList.toggle("two", panels.length > 1);
  query("#story").textContent = storyInWords();
  markHard();
}

// What the shown networks have to say together, in one sentence.
function storyInWords() {
  const [first, second] = panels.map(({ run }) => run);
  if (!second) return `A network that learned ${first.task} from ${first.trained_on}.`;
  if (first === second) return `One network, shown twice: it learned ${first.task} from ${first.trained_on}.`;
  const both = first.model === second.model && first.num_weights === second.num_weights ? "The same architecture, trained twice" : "Two networks";
  return `${both}: ${first.name} on ${first.trained_on}, and ${second.name} on ${second.trained_on}.${differenceInWords([first, second])}`;
}

// How the proofs of two networks differ, if one of them is wrong somewhere and the other one nowhere; empty otherwise.
function differenceInWords(runs) {
  const failing = runs.find(({ proof }) => isWrong(proof)), proved = runs.find(({ proof }) => proof?.holds);
  if (!failing || !proved) return "";
  const alike = runs.every(({ validation }) => validation === 1) ? "Both answer their whole validation sets right, but " : "";
  const reach = proved.proof.reach === "every length" ? "at every length" : proved.proof.reach;
  return ` ${alike}${failing.name} is wrong at ${shortened(failing.proof.counterexample.question)}, and ${proved.name} is proved right ${reach}.`;
}

function chooseFirst() {
  const run = chosenRun(0);
  const sameTask = catalogue.runs.filter((other) => other.task === run.task);
  const before = selects[1].value;
  selects[1].replaceChildren(new Option("nothing", ""), ...sameTask.map((other) => new Option(other.name, other.name)));
  selects[1].value = sameTask.some((other) => other.name === before) ? before : "";
  if (chooseFirst.task !== run.task) input.value = run.hard[0]?.question ?? run.example;
  chooseFirst.task = run.task;
  explain();
}

const chosenHard = () => fillHard.rows?.find(({ slice }) => slice === query("#hard").value);

// How to write a question; after a hard one was chosen, why it is hard.
function explain() {
  const run = chosenRun(0);
  const hard = chosenHard();
  const short = run.task === "pq" ? ", or 300p2 for 300 dashes, p and 2 dashes" : "";
  query("#how").textContent = hard ? hard.why : `Such as ${run.example}${short}.`;
}

// Evaluates the question in the address; a network that is not here is reported in a sentence.
function follow() {
  const address = new URLSearchParams(location.hash.slice(1) || catalogue.asked);
  const missing = [];
  selects.forEach((select, place) => {
    const name = address.get(place ? "beside" : "run") ?? "";
    const isThere = [...select.options].some((option) => option.value === name);
    if (isThere) select.value = name;
    else if (name) missing.push(name);
    if (place && !name) select.value = "";
    if (!place) chooseFirst();
  });
  arrange();
  ["epoch", "epoch-beside"].forEach((field, place) => followEpoch(panels[place], Number(address.get(field)), missing));
  if (missing.length) return say(notHere(missing));
  input.value = address.get("question") ?? input.value;
  const position = Number(address.get("position"));
  ask(position > 0 ? position - 1 : undefined);
}

// Shows the epoch that an address names, or the best one.
function followEpoch(panel, epoch, missing) {
  if (!panel || panel.run.epochs.length < 2) return;
  const { epochs, name } = panel.run;
  const index = epoch ? epochs.findIndex((each) => each.epoch === epoch) : epochs.findIndex((each) => each.is_best);
  if (epoch && index < 0) missing.push(`${name} after epoch ${epoch}`);
  setEpoch(panel, index < 0 ? epochs.length - 1 : index, { isQuiet: true });
}

function notHere(names) {
  const task = chosenRun(0).task, others = catalogue.runs.map(({ name }) => name).slice(0, 8).join(", ");
  return `the link names ${names.join(" and ")}, which this page cannot show beside ${task} networks; it has ${others}. Choose one, and ask again`;
}

function start() {
  if (!catalogue) return say("the runs cannot be read; start arith-model serve again, and reload this page");
  const { runs, refused } = catalogue;
  const list = Object.assign(query("#refused"), { hidden: !refused.length, open: !runs.length });
  query("summary", list).textContent = `${counted(refused.length, "runs")} cannot be used`;
  query("ul", list).replaceChildren(...refused.map(({ name, why }) =>
    element("li", {}, element("code", { textContent: name }), `: ${why}`)));
  if (!runs.length) {
    query("#ask").hidden = true;
    return;
  }
  selects[0].replaceChildren(...runs.map((run) => new Option(run.name, run.name)));
  follow();
}

window.addEventListener("hashchange", follow);
window.addEventListener("popstate", follow);
query("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
for (const field of query("#share").querySelectorAll("input")) field.addEventListener("focus", () => field.select());
query("#hard").addEventListener("change", ({ target }) => {
  const hard = chosenHard();
  explain();
  if (target.value && hard) askThis(hard.question);
});
input.addEventListener("input", () => {
  query("#hard").value = "";
  explain();
});
selects.forEach((select, place) => select.addEventListener("change", () => {
  if (place === 0) chooseFirst();
  arrange();
  ask();
}));
start();
