// What a network learns, and where it fails: its epochs, its answers to ten questions, and the search for a wrong one.
"use strict";

const EPOCH_MS = 1100; // from one epoch to the next
const TEN = 10;
const MOST_TRIES = 3000; // questions of a search, of a network that the page computes
const MOST_REQUESTS = 100; // of one that the server computes

// The hard questions of the shown networks, those with a known wrong answer first; one of all pairs of lengths.
function hardQuestions() {
  const entries = new Map();
  for (const { run } of panels) {
    if (isWrong(run.proof)) entries.set("proof", { slice: "proof", question: run.proof.counterexample.question, why: `A question that ${run.name} answers wrong, found by its proof.` });
    for (const hard of run.hard) {
      const slice = hard.slice.startsWith("lengths-") ? "lengths" : hard.slice;
      if (!entries.has(slice) || (hard.is_mistake && !entries.get(slice).is_mistake)) entries.set(slice, { ...hard, slice });
    }
  }
  const sorted = [...entries.values()].sort((first, second) => isKnown(second) - isKnown(first));
  return sorted.filter(({ question }, index) => sorted.findIndex((other) => other.question === question) === index);
}

const isKnown = ({ slice, is_mistake: isMistake }) => Number(slice === "proof" || Boolean(isMistake));

// Whether each shown network answers a question right; undefined for one that the server computes.
async function marksOf(question) {
  return Promise.all(panels.map(async ({ run, epoch }) => {
    if (!run.network) return undefined;
    const { answer, right } = await computed.answer(run, question, epoch);
    return answer === right;
  }));
}

// Asks all hard questions, marks the menu by the answers, and shows ten of them on the cards.
async function markHard() {
  const ticket = markHard.ticket = (markHard.ticket ?? 0) + 1;
  const rows = [];
  for (const hard of hardQuestions()) {
    try {
      rows.push({ ...hard, marks: await marksOf(hard.question) });
    } catch {
      continue; // too long for one of the networks
    }
    await pause();
    if (ticket !== markHard.ticket) return;
  }
  fillHard(rows);
  panels.forEach((panel, place) => showTen(panel, rows.slice(0, TEN), place));
}

function fillHard(rows) {
  const select = query("#hard"), before = select.value;
  const groups = new Map();
  for (const row of rows) {
    const title = groupTitle(row.marks);
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  const sorted = [...groups].sort(([first], [second]) => Number(second.startsWith("✗")) - Number(first.startsWith("✗")));
  select.replaceChildren(new Option("choose one", ""), ...sorted.map(([title, entries]) => {
    const group = element("optgroup", { label: title });
    group.append(...entries.map(({ slice, question }) => new Option(`${title[0]} ${slice}: ${question}`, slice)));
    return group;
  }));
  select.disabled = !rows.length;
  fillHard.rows = rows;
  select.value = before;
  if (select.selectedIndex < 0) select.value = "";
}

function groupTitle(marks) {
  const names = panels.filter((_, place) => marks[place] === false).map(({ run }) => run.name);
  if (names.length) return `✗ answered wrong by ${names.join(" and ")}`;
  return marks.includes(undefined) ? "? not asked yet" : `✓ answered right by ${marks.length > 1 ? "both" : panels[0].run.name}`;
}

function showTen(panel, rows, place) {
  const section = query(".ten", panel.root), known = rows.filter(({ marks }) => marks[place] !== undefined);
  section.hidden = !known.length;
  const right = known.filter(({ marks }) => marks[place]).length;
  query("h3", section).textContent = `Hard questions: ${right} of ${known.length} right`;
  query("ul", section).replaceChildren(...known.map(({ question, slice, marks }) => {
    const button = element("button", { type: "button", className: marks[place] ? "right" : "wrong", title: slice,
      textContent: `${marks[place] ? "✓" : "✗"} ${question}` });
    button.setAttribute("aria-label", `${spoken(question, panel.run.task)}, ${marks[place] ? "right" : "wrong"}; ask it`);
    button.addEventListener("click", () => askThis(question));
    return element("li", {}, button);
  }));
}

// Epochs

function prepareEpochs(panel, place) {
  const { epochs } = panel.run, section = query(".epochs", panel.root);
  section.hidden = epochs.length < 2;
  if (section.hidden) return;
  const slider = query("input", section), label = query("label", section);
  slider.id = `epoch-${place}`;
  label.htmlFor = slider.id;
  slider.max = epochs.length - 1;
  const best = epochs.findIndex((epoch) => epoch.is_best);
  setEpoch(panel, best < 0 ? epochs.length - 1 : best, { isQuiet: true });
  slider.addEventListener("input", () => {
    panel.playing = false;
    setEpoch(panel, Number(slider.value));
  });
  query("button", section).addEventListener("click", () => play(panel));
}

// Shows the network after the epoch of an index among those that are kept.
function setEpoch(panel, index, { isQuiet = false } = {}) {
  const { epochs } = panel.run, section = query(".epochs", panel.root);
  const { epoch, exact_match: exact, is_best: isBest } = epochs[index];
  const slider = query("input", section);
  slider.value = index;
  panel.epoch = isBest ? null : epoch; // the best weights are exact, and those of an epoch may have 16 bits
  query("label", section).textContent = `Epoch ${epoch} of ${epochs.at(-1).epoch}`;
  query(".note", section).textContent =
    (exact === null ? "" : `${percent(exact)} of the validation answers are right`) + (isBest ? "; the best epoch" : "");
  slider.setAttribute("aria-valuetext", `${query("label", section).textContent}, ${query(".note", section).textContent}`);
  if (isQuiet) return;
  remember("replaceState");
  panel.refresh();
  markHard();
}

// Runs through the kept epochs, from the first to the last one.
async function play(panel) {
  const button = query(".epochs button", panel.root);
  panel.playing = !panel.playing;
  const names = panel.playing ? ["■", "Stop"] : ["▶", "Watch it learn"];
  button.textContent = names.join(" ");
  for (let index = 0; panel.playing && index < panel.run.epochs.length; index++) {
    setEpoch(panel, index);
    await new Promise((resolve) => setTimeout(resolve, EPOCH_MS));
    if (!panels.includes(panel)) return;
  }
  panel.playing = false;
  button.textContent = "▶ Watch it learn";
}

// The search for a wrong answer

async function findWrong(panel) {
  const button = query(".find button", panel.root), note = query(".find .note", panel.root);
  if (panel.searching) return void (panel.searching = false);
  if (panel.run.proof?.holds && panel.epoch === null) {
    note.textContent = noWrong(panel.run);
    return;
  }
  panel.searching = true;
  button.textContent = "Stop";
  note.textContent = await searched(panel, note);
  panel.searching = false;
  button.textContent = "Find a wrong question";
}

const noWrong = ({ proof, task, epochs }) =>
  `There is none: it is proved that it answers every question of ${task}${proof.reach === "every length" ? ", of any length," : ` ${proof.reach}`} right ` +
  `(${proof.cases.toLocaleString("en")} cases).${epochs.length > 1 ? " An earlier epoch has some." : ""}`;

// Asks question after question; returns a sentence about the first wrong one, or that there is none so far.
async function searched(panel, note) {
  const { run, epoch } = panel, most = run.network ? MOST_TRIES : MOST_REQUESTS;
  let asked = 0, until = performance.now() + SLICE_MS;
  for (const question of candidates(panel)) {
    if (!panel.searching || !panels.includes(panel) || panel.epoch !== epoch) return `Stopped after ${counted(asked, "questions")}.`;
    if (asked === most) break;
    let result;
    try {
      result = await answerOf(run, question, epoch);
    } catch {
      continue; // not a question of this network
    }
    asked++;
    if (result.answer !== result.right) {
      askThis(question);
      return `${shortened(result.question)} is wrong. It was question ${asked.toLocaleString("en")} of this search.`;
    }
    if (performance.now() < until) continue;
    note.textContent = `${counted(asked, "questions")} so far, all right …`;
    await pause();
    until = performance.now() + SLICE_MS;
  }
  return `None of ${counted(asked, "questions")} is answered wrong. This proves nothing about others.`;
}

// Questions in the order in which they are asked: known mistakes, hard ones, then equal, near and random numbers.
function* candidates({ run }) {
  const shortest = run.proof?.counterexample?.question;
  if (shortest) yield shortest;
  yield* run.wrong;
  yield* [...run.hard].sort((first, second) => Number(second.is_mistake) - Number(first.is_mistake)).map(({ question }) => question);
  const number = (digits) => (run.dashes ? "-".repeat(1 + Math.floor(Math.random() * run.size))
    : String(Math.floor(Math.random() * (run.residues ? run.size : 10 ** digits))));
  for (let count = 0; ; count++) {
    const digits = 1 + Math.floor(Math.random() * run.size), left = number(digits);
    const near = run.dashes || run.residues ? left : String(BigInt(left) + 1n);
    const right = [left, near, number(digits), number(1 + Math.floor(Math.random() * run.size))][count % 4];
    yield `${left}${run.symbol}${right}`;
  }
}
