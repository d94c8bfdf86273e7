// The page of the playground. runs.js, which is loaded before, says what the runs are; model.js computes the networks
// that a page can hold. The server that sends this page is asked about the others; an exported page has no others.
"use strict";

const LONGEST_RUN = 12; // of one character; longer runs are one cell
const STEP_MS = 140; // from one character of an answer to the next
const MOST_MS = 1600; // for a whole answer
const WAITING_MS = 250; // before the page says what it waits for
const CHOICES = 4; // characters that a closer look shows

async function request(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response, found;
  try {
    response = await fetch(path, options);
    found = await response.json();
  } catch {
    throw new Error("the server does not answer; start arith-model serve again, and load this page again");
  }
  if (!response.ok) throw new Error(found.why);
  return found;
}

const answerOf = (run, question, epoch) => run.network
  ? computed.answer(run, question, epoch)
  : request("api/answer", { run: run.name, question, epoch });

// How a model does at a length; an exported page holds what was found of the best weights.
const atLength = async (run, length, epoch) => run.at_lengths
  ? run.at_lengths.find((at) => at.length === length)
  : request("api/length", { run: run.name, length, epoch });

const one = (selector, root = document) => root.querySelector(selector);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A bar whose length is a share.
function bar(share) {
  const made = element("i");
  made.style.width = `${100 * share}%`;
  return element("span", { className: "bar" }, made);
}

// Text

// A share with one decimal, cut off and not rounded, so that 100.0% means all.
function percent(share) {
  const tenths = Math.floor(share * 1000 + 1e-9);
  return tenths === 0 && share > 0 ? "<0.1%" : `${(tenths / 10).toFixed(1)}%`;
}

// Long runs of one character in brief: -{431}p--.
function shortened(text) {
  return text.replace(/(.)\1{12,}/gu, (run, character) => `${character}{${run.length}}`);
}

// A text as a screen reader should say it: a dash is punctuation, which it would leave out.
function spoken(text, task) {
  if (task !== "pq") return text || "nothing";
  return text.replace(/-+/g, (run) => ` ${run.length} dash${run.length > 1 ? "es" : ""} `).trim() || "nothing";
}

const counted = (number, noun) => `${number.toLocaleString("en")} ${number === 1 ? noun.replace(/(?<=sh)es$|s$/, "") : noun}`;

// Cells: one per step, but a long run of one character is a single one.
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

// The character of a cell, and how often it stands there.
function shown(cell) {
  const made = element("b", { textContent: cell.character.length > 1 ? stacked(cell.character) : cell.character });
  const count = cell.end - cell.start;
  if (count > 1) made.append(element("span", { textContent: ` × ${count.toLocaleString("en")}` }));
  return made;
}

// The two digits of a place stand above each other; of several pairs, each has a line.
function stacked(characters) {
  return characters.match(characters.length > 2 ? /..?/gu : /./gu).join("\n");
}

// One model with its answer

class Panel {
  constructor(run, place) {
    this.run = run;
    this.root = one("#panel").content.cloneNode(true).firstElementChild;
    this.epoch = null;
    this.asked = 0;
    one("h2", this.root).textContent = run.name;
    one(".about", this.root).textContent =
      `${run.task} of ${run.operands}; model ${run.model}; hints: ${run.hints}`;
    this.prepareEpochs(place);
    this.prepareLengths();
    one(".writes .cells", this.root).addEventListener("keydown", (event) => this.move(event));
    one(".looks select", this.root).addEventListener("change", () => this.lookAt(this.chosen));
  }

  prepareEpochs(place) {
    const { epochs } = this.run;
    const [slider, label, note] = ["input", "label", ".note"].map((each) => one(`.epochs ${each}`, this.root));
    if (epochs.length < 2) {
      slider.hidden = true;
      label.textContent = "Its epochs";
      note.textContent = "Only the best weights are here; arith-model train --keep-epochs keeps those of every epoch.";
      return;
    }
    const best = epochs.findIndex((each) => each.is_best);
    slider.id = `epoch-${place}`;
    label.htmlFor = slider.id;
    slider.max = epochs.length - 1;
    slider.value = best < 0 ? epochs.length - 1 : best;
    const changed = () => {
      const { epoch, exact_match: exact, is_best: isBest } = epochs[slider.value];
      this.epoch = epoch;
      label.textContent = `Epoch ${epoch} of ${epochs.at(-1).epoch}`;
      note.textContent =
        (exact === null ? "" : `${percent(exact)} of the validation answers were right`) + (isBest ? "; the best epoch" : "");
      slider.setAttribute("aria-valuetext", `${label.textContent}, ${note.textContent}`);
    };
    changed();
    slider.addEventListener("input", () => {
      changed();
      if (this.question !== undefined) this.ask(this.question, { animate: false });
    });
  }

  prepareLengths() {
    const { lengths, units, size } = this.run;
    const section = one(".lengths", this.root);
    if (!lengths.length) return;
    section.hidden = false;
    const most = lengths.at(-1);
    one(".note", section).textContent =
      `It was trained on at most ${counted(size, units)}` +
      (most > size ? "." : ", and this page asks nothing longer.") +
      (this.run.at_lengths ? " This is what the best weights do." : "");
    one("button", section).addEventListener("click", () => this.findLength());
  }

  // Says why there is no answer; the other panel may have another reason.
  report(problem) {
    this.problem = problem;
    say([...new Set(panels.map((each) => each.problem).filter(Boolean))].join(" "));
  }

  // Asks the question that is asked last; of several that are asked meanwhile, only that.
  async ask(question, { animate = true } = {}) {
    this.question = question;
    const ticket = ++this.asked;
    if (this.busy) return;
    this.busy = true;
    const waiting = setTimeout(() => this.wait(), WAITING_MS);
    try {
      const found = await answerOf(this.run, question, this.epoch);
      this.report("");
      this.show(found, animate && ticket === this.asked);
    } catch (error) {
      this.report(error.message);
      one(".verdict", this.root).textContent = "";
    } finally {
      clearTimeout(waiting);
      this.root.classList.remove("waiting");
      this.busy = false;
    }
    if (ticket !== this.asked) await this.ask(this.question, { animate: false });
  }

  wait() {
    this.root.classList.add("waiting");
    const first = this.found ? "The model is answering …" : "The model is being loaded …";
    one(".verdict", this.root).textContent = panels.some((each) => each.finding) ? "The search of the length comes first …" : first;
  }

  show(found, animate) {
    this.found = found;
    const inColumns = found.backwards && found.read.length === found.written.length && found.read[0].length > 1;
    one(".reads", this.root).classList.toggle("backwards", inColumns);
    one(".writes", this.root).classList.toggle("backwards", found.backwards);
    one(".order", this.root).textContent = this.order(found);
    one(".reads .cells", this.root).replaceChildren(...grouped(found.read).map((cell) => this.readCell(cell)));
    this.cells = grouped(found.written);
    this.buttons = this.cells.map((cell, index) => this.writtenCell(cell, index));
    one(".writes .cells", this.root).replaceChildren(
      ...this.buttons.map((button) => element("li", {}, button)));
    this.prepareLooks(found);
    this.showVerdict(found);
    const other = panels.find((each) => each !== this && each.chosen !== undefined && each.question === this.question);
    const same = other ? this.cellAt(other.placeOf(other.chosen)) : -1;
    this.lookAt(same < 0 ? Math.min(this.chosen ?? this.leastSure(), this.cells.length - 1) : same);
    this.reveal(animate);
  }

  order(found) {
    const how = this.run.character_by_character
      ? "one character after another, each after reading those before it"
      : "all characters at once, shown one after another";
    return `${how}${found.backwards ? "; from the last digit to the first" : ""}`;
  }

  readCell(cell) {
    const blank = [...cell.character].every((each) => each === catalogue.blank);
    const many = cell.character.length > 2;
    const made = element("li", { className: `cell${blank ? " blank" : ""}${many ? " many" : ""}` },
      shown(cell), element("small", { className: "look" }));
    made.dataset.start = cell.start;
    made.dataset.end = cell.end;
    return made;
  }

  writtenCell(cell, index) {
    const { step, share } = this.leastSureStep(cell);
    cell.step = step;
    const made = element("button", { type: "button", className: "cell", tabIndex: index ? -1 : 0 },
      shown(cell), " ", element("small", { textContent: percent(share) }), bar(share),
      element("small", { className: "look" }));
    made.classList.toggle("blank", cell.character === catalogue.blank);
    const name = cell.character === catalogue.blank ? "blank" : cell.character === "-" ? "dash" : cell.character;
    const count = cell.end - cell.start;
    const wrong = this.isWrong(cell);
    made.classList.toggle("off", wrong);
    made.setAttribute("aria-label",
      `${count > 1 ? `${count} times ` : ""}${name} ${percent(share)} probability${wrong ? ", wrong" : ""}`);
    made.addEventListener("mouseenter", () => this.choose(index));
    made.addEventListener("focus", () => this.choose(index));
    return made;
  }

  // The place of a cell's first character in the right answer, counted from the units if the model begins with them.
  placeOf(index) {
    return this.mirrored(this.cells[index].start);
  }

  cellAt(place) {
    const step = this.mirrored(place);
    return this.cells.findIndex(({ start, end }) => start <= step && step < end);
  }

  mirrored(step) {
    return this.found.backwards ? step : [...this.found.right].length - 1 - step;
  }

  // Looks at a character, and at that of the same place in the other panel.
  choose(index) {
    this.lookAt(index);
    for (const other of panels) {
      const same = other === this || !other.cells ? -1 : other.cellAt(this.placeOf(index));
      if (same >= 0) other.lookAt(same);
    }
  }

  // Whether the right answer has another character at one of the steps of a cell.
  isWrong(cell) {
    return stepsOf(cell).some((step) => (this.found.wanted[step] ?? catalogue.blank) !== cell.character);
  }

  // The step of a cell whose written character has the least probability.
  leastSureStep(cell) {
    const { alphabet, probabilities } = this.found;
    const place = [...alphabet].indexOf(cell.character);
    const step = stepsOf(cell).reduce((least, each) => (probabilities[each][place] < probabilities[least][place] ? each : least));
    return { step, share: probabilities[step][place] };
  }

  leastSure() {
    const shares = this.cells.map((cell) => this.leastSureStep(cell).share);
    return shares.indexOf(Math.min(...shares));
  }

  showVerdict(found) {
    const { task, equals } = this.run;
    const isRight = found.answer === found.right;
    const verdict = isRight
      ? element("span", { className: "right", textContent: " ✓ right" })
      : element("span", { className: "wrong" }, " ✗ wrong: ", element("code", { textContent: shortened(found.right) }), " is right");
    one(".verdict", this.root).replaceChildren(
      element("code", {
        textContent: `${shortened(found.question)}${equals || " "}${shortened(found.answer) || catalogue.blank}`,
      }),
      verdict,
      element("span", {
        className: "note",
        textContent: `The probability of the whole answer is ${percent(found.confidence)}.`,
      }));
    const said = `${this.run.name}: ${spoken(found.question, task)}${equals ? " is " : ", "}${spoken(found.answer, task)}`;
    announce(this, `${said}, which is ${isRight ? "right" : `wrong; right is ${spoken(found.right, task)}`}.`);
  }

  // The characters appear in the order in which they are written, and then the verdict.
  reveal(animate) {
    const pause = Math.min(STEP_MS, MOST_MS / this.buttons.length);
    const verdict = [...one(".verdict", this.root).children];
    [...this.buttons, ...verdict].forEach((each, index) => {
      each.classList.toggle("came", animate);
      each.style.animationDelay = `${pause * Math.min(index + 1, this.buttons.length + 1)}ms`;
    });
  }

  move(event) {
    const { backwards } = this.found;
    const steps = { ArrowRight: backwards ? -1 : 1, ArrowLeft: backwards ? 1 : -1 };
    const ends = { Home: 0, End: this.buttons.length - 1 };
    const next = event.key in ends ? ends[event.key] : this.chosen + steps[event.key];
    if (!(next >= 0 && next < this.buttons.length)) return;
    event.preventDefault();
    this.buttons[next].focus();
  }

  // A closer look at one character: what else it could have been, and what the model looked at.

  lookAt(index) {
    this.chosen = index;
    const { alphabet, probabilities } = this.found;
    const cell = this.cells[index];
    this.buttons.forEach((button, each) => {
      button.setAttribute("aria-pressed", each === index);
      button.tabIndex = each === index ? 0 : -1;
    });
    const isRun = cell.end - cell.start > 1;
    one(".closer", this.root).hidden = false;
    one(".closer h3", this.root).textContent = isRun
      ? `Steps ${(cell.start + 1).toLocaleString("en")} to ${cell.end.toLocaleString("en")}: the most probable characters at the least sure one`
      : `Step ${cell.start + 1}: the most probable characters`;
    const order = [...alphabet].map((character, place) => [character, probabilities[cell.step][place]]);
    order.sort((first, second) => second[1] - first[1]);
    one(".choices", this.root).replaceChildren(...order.slice(0, CHOICES).map(([character, share]) => element(
      "li", {}, element("code", { textContent: character }), bar(share), element("span", { textContent: percent(share) }))));
    this.showAttention(cell.step);
  }

  prepareLooks(found) {
    const select = one(".looks select", this.root);
    const before = select.value;
    one(".looks", this.root).hidden = !found.attention.length;
    const heads = found.attention.flatMap(({ layer, shares }, place) => [
      ...(shares.length > 1 ? [[`${layer}, mean of its heads`, `${place} mean`]] : []),
      ...shares.map((_, head) => [shares.length > 1 ? `${layer}, head ${head}` : layer, `${place} ${head}`])]);
    select.replaceChildren(...heads.map(([text, value]) => new Option(text, value)));
    // The last layer is the nearest to the answer.
    const last = heads.findLast(([text, value]) => value.endsWith("mean") || heads.length === found.attention.length);
    select.value = heads.some(([, value]) => value === before) ? before : last?.[1];
  }

  showAttention(step) {
    const { attention, read, written } = this.found;
    for (const cell of this.root.querySelectorAll(".cell.looked")) {
      cell.classList.remove("looked", "strongly");
      one(".look", cell).textContent = "";
    }
    if (!attention.length) return;
    const [place, head] = one(".looks select", this.root).value.split(" ");
    const { keys, shares } = attention[place];
    const heads = head === "mean" ? shares : [shares[head]];
    const row = keys.map((_, key) => heads.reduce((sum, each) => sum + each[step][key], 0) / heads.length);
    const ofQuestion = keys.length === written.length && keys.length !== read.length ? 0 : Math.min(read.length, keys.length);
    // What is read at a step of the answer is the character before it, if the model reads what it writes.
    const shift = this.run.character_by_character ? 1 : 0;
    for (const cell of this.root.querySelectorAll(".reads .cell")) {
      this.shade(cell, row.slice(Number(cell.dataset.start), Math.min(cell.dataset.end, ofQuestion)));
    }
    this.cells.forEach((cell, index) => {
      this.shade(this.buttons[index], row.slice(ofQuestion + cell.start + shift, ofQuestion + cell.end + shift));
    });
    const most = row.map((share, key) => [share, keys[key]]).sort((first, second) => second[0] - first[0]).slice(0, 3);
    one(".looks .note", this.root).textContent =
      `It looks most at ${most.map(([share, key]) => `${key} (${percent(share)})`).join(", ")}` +
      (most.some(([, key]) => key === "^") ? "; ^ is the beginning of the answer." : ".");
  }

  shade(cell, shares) {
    const share = shares.reduce((sum, each) => sum + each, 0);
    if (!shares.length || share < 0.005) return;
    cell.classList.add("looked");
    cell.classList.toggle("strongly", share > 0.5);
    // The shades between a pale one and a strong one would hide dark and light letters alike.
    cell.style.setProperty("--share", `${share > 0.5 ? 100 : Math.round(60 * share)}%`);
    one(".look", cell).textContent = `${Math.round(100 * share)}%`;
  }

  // The lengths

  async findLength() {
    const section = one(".lengths", this.root);
    const button = one("button", section), figure = one("figure", section), note = one(".note", section);
    const mine = this.finding = this.finding ? null : { epoch: this.epoch };
    if (!mine) return;
    button.textContent = "Stop";
    const list = element("ol", { className: "bars" });
    figure.replaceChildren(list);
    figure.hidden = false;
    const found = [];
    let said;
    try {
      for (const length of this.run.lengths) {
        note.textContent = `Asking about ${counted(length, this.run.units)} …`;
        const at = await atLength(this.run, length, mine.epoch);
        if (this.finding !== mine || !panels.includes(this)) break;
        found.push(at);
        list.append(this.lengthRow(at));
        if (at.worst < catalogue.broken && length >= this.run.size) break;
      }
      said = found.length ? this.lengthInWords(found) : "Stopped.";
    } catch (error) {
      said = error.message;
    }
    if (this.finding !== mine && !list.isConnected) return;  // it was begun anew meanwhile
    note.textContent = said;
    this.finding = null;
    button.textContent = "Find the length again";
  }

  lengthRow(at) {
    const row = element("li", {}, element("span", { textContent: counted(at.length, this.run.units) }),
      bar(at.worst), element("span", { textContent: percent(at.worst) }));
    if (at.worst < 1) row.append(element("small", { textContent: `${at.slice}: ${at.wrong}` }));
    return row;
  }

  lengthInWords(found) {
    const broken = found.find((at) => at.worst < catalogue.broken);
    const last = found.at(-1);
    const { units, size } = this.run;
    const what = "Each bar is the share of right answers in the worst slice of hard questions.";
    if (!broken) {
      const most = last.length === this.run.lengths.at(-1) ? ", the most that is asked here" : "";
      return `It does not break up to ${counted(last.length, units)}${most}. ${what}`;
    }
    const where = broken.length > size ? `, trained on ${size}` : "";
    const before = found[found.indexOf(broken) - 1]?.length ?? 0;
    const at = broken.length - before > 1 ? `between ${before.toLocaleString("en")} and` : "at";
    return `It breaks ${at} ${counted(broken.length, units)}${where}, in the slice ${broken.slice}. ${broken.why} ${what}`;
  }
}

// The page

const panels = [];
const catalogue = window.playground; // as trainer/playground/page.py makes it
const selects = [one("#run-0"), one("#run-1")];
const input = one("#question");
const chosenRun = (place) => catalogue.runs.find((run) => run.name === selects[place].value);

// Shows a refusal; an empty one shows that all is well.
function say(problem) {
  one("#problem").textContent = problem;
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

// Tells a screen reader what all panels answered.
function announce(panel, sentence) {
  panel.said = sentence;
  one("#live").textContent = panels.map((each) => each.said ?? "").join(" ");
}

function ask() {
  const question = input.value.trim();
  if (!question) return say(`there is no question; write one such as ${chosenRun(0).example}`);
  // The address carries what is asked, so that it can be given to others.
  const [run, beside] = selects.map((each) => each.value);
  const asked = `#${new URLSearchParams({ run, ...(beside && { beside }), question })}`;
  if (location.protocol !== "about:") history.replaceState(null, "", asked); // in a notebook it has no address
  for (const panel of panels) {
    panel.chosen = undefined;
    panel.ask(question);
  }
}

// Shows the panels of the chosen runs; those that stay keep what they show.
function arrange() {
  const wanted = [chosenRun(0), chosenRun(1)].filter(Boolean);
  const kept = wanted.map((run, place) => (panels[place]?.run === run ? panels[place] : new Panel(run, place)));
  panels.splice(0, panels.length, ...kept);
  one("#panels").replaceChildren(...panels.map((panel) => panel.root));
  one("#panels").classList.toggle("two", panels.length > 1);
}

function chooseFirst() {
  const run = chosenRun(0);
  const sameTask = catalogue.runs.filter((each) => each.task === run.task);
  const before = selects[1].value;
  selects[1].replaceChildren(new Option("nothing", ""), ...sameTask.map((each) => new Option(each.name, each.name)));
  selects[1].value = sameTask.some((each) => each.name === before) ? before : "";
  if (chooseFirst.task !== run.task) input.value = run.hard[0]?.question ?? run.example;
  chooseFirst.task = run.task;
  one("#hard").replaceChildren(
    new Option("choose one", ""), ...run.hard.map((each) => new Option(`${each.slice}: ${each.question}`, each.slice)));
  one("#hard").disabled = !run.hard.length;
  explain();
}

// How to write a question; after a hard one was chosen, why it is hard.
function explain() {
  const run = chosenRun(0);
  const hard = run.hard.find((each) => each.slice === one("#hard").value);
  const short = run.task === "pq" ? ", or 300p2 for 300 dashes, p and 2 dashes" : "";
  one("#how").textContent = hard ? hard.why : `Such as ${run.example}${short}.`;
}

// Asks what the address says; an unknown run is as if it was not named.
function follow() {
  const asked = new URLSearchParams(location.hash.slice(1) || catalogue.asked);
  selects.forEach((select, place) => {
    const name = asked.get(place ? "beside" : "run") ?? "";
    if ([...select.options].some((each) => each.value === name)) select.value = name;
    if (!place) chooseFirst();
  });
  input.value = asked.get("question") ?? input.value;
  arrange();
  ask();
}

function start() {
  if (!catalogue) return say("the runs cannot be read; start arith-model serve again, and load this page again");
  const { runs, refused } = catalogue;
  const list = Object.assign(one("#refused"), { hidden: !refused.length, open: !runs.length });
  one("summary", list).textContent = `${counted(refused.length, "runs")} cannot be asked`;
  one("ul", list).replaceChildren(...refused.map(({ name, why }) =>
    element("li", {}, element("code", { textContent: name }), `: ${why}`)));
  if (!runs.length) {
    one("#ask").hidden = true;
    return;
  }
  selects[0].replaceChildren(...runs.map((run) => new Option(run.name, run.name)));
  follow();
}

window.addEventListener("hashchange", follow);
one("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
one("#hard").addEventListener("change", ({ target }) => {
  const hard = chosenRun(0).hard.find((each) => each.slice === target.value);
  explain();
  if (!hard) return;
  input.value = hard.question;
  ask();
});
input.addEventListener("input", () => {
  one("#hard").value = "";
  explain();
});
selects.forEach((select, place) => select.addEventListener("change", () => {
  if (place === 0) chooseFirst();
  arrange();
  ask();
}));
start();
