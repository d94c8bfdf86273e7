// Networks of latches as the finite automata that they are: what a network answers to a million questions, and the
// states of its first layer. A part of a network that was computed once is looked up ever after.
"use strict";

const finite = (() => {
  const { characters, decoded, dense, encoded, joined, PAD, relu, roomFor, solved } = computed;
  const MOST_ROWS = 2048; // different states of a layer; three of them and a view make one number
  const NONE = MOST_ROWS - 1; // instead of a state: before the first step, and after the last one

  // Values by the order in which they were first made.
  function numbered() {
    const numbers = new Map(), values = [];
    const number = (key, make) => {
      let found = numbers.get(key);
      if (found === undefined) numbers.set(key, (found = values.push(make()) - 1));
      return found;
    };
    return { values, number };
  }

  // The tables of a network. A *view* of a level is what its layer reads at a step: of level 0 the characters there, of
  // a higher one a view of the level below, and the states of the latches of that level before, at and after the step.
  class Tables {
    constructor(run, weights) {
      Object.assign(this, { run, weights });
      this.levels = Array.from({ length: run.layers + 1 }, () => ({ views: numbered(), rows: numbered(), after: new Map() }));
      const units = weights["settings_0/kernel"].shape[1] / 2;
      for (const { rows } of this.levels) rows.number(String(new Int8Array(units)), () => new Int8Array(units));
      this.written = [];
    }

    // The view of the characters of a step, by their ids.
    first(ids) {
      const key = ids.reduce((sum, id) => sum * this.run.alphabet.length + id, 0);
      return this.levels[0].views.number(key, () => {
        const inputs = relu(characters([ids], this.run, this.weights))[0];
        return { inputs, seen: () => [inputs] };
      });
    }

    // The state of a level after a state and a view: an open gate sets its latch, and a closed one holds it.
    after(level, row, view) {
      const { views, rows, after } = this.levels[level];
      const key = view * MOST_ROWS + row;
      if (!after.has(key)) {
        const read = views.values[view], held = rows.values[row], units = held.length;
        read.settings ??= dense([read.inputs], this.weights, `settings_${level}`)[0];
        const reached = held.map((value, unit) => (read.settings[unit] > 0 ? (read.settings[units + unit] > 0 ? 1 : -1) : value));
        after.set(key, rows.number(String(reached), () => reached));
        if (rows.values.length >= NONE) throw new Error("its latches have too many states, as those of a network that has not learned yet");
      }
      return after.get(key);
    }

    above(level, view, before, at, later) {
      const key = ((view * MOST_ROWS + before) * MOST_ROWS + at) * MOST_ROWS + later;
      return this.levels[level + 1].views.number(key, () => {
        const below = this.levels[level].views.values[view];
        const seen = () => [...below.seen(), this.window(level, before, at, later)];
        return { inputs: relu(dense([joined(...seen())], this.weights, `layer_${level}`))[0], seen };
      });
    }

    // The latches at a step, and those of its neighbours, each with a mark that tells it from the zeros past the ends.
    window(level, before, at, later) {
      const { values } = this.levels[level].rows, units = values[at].length;
      const marked = (row) => (row === NONE ? new Float64Array(units + 1) : joined(values[row], [1]));
      return joined(values[at], marked(before), marked(later));
    }

    // The states of a level at each step; the first level runs forward, and all others backward.
    states(level, views) {
      const states = new Array(views.length);
      let row = 0;
      for (let count = 0; count < views.length; count++) {
        const step = level ? views.length - 1 - count : count;
        states[step] = row = this.after(level, row, views[step]);
      }
      return states;
    }

    // The characters that the network writes.
    characters(ids) {
      let views = ids.map((step) => this.first(step));
      for (let level = 0; level < this.run.layers; level++) {
        const states = this.states(level, views);
        views = views.map((view, step) =>
          this.above(level, view, states[step - 1] ?? NONE, states[step], states[step + 1] ?? NONE));
      }
      return views.map((view) => (this.written[view] ??= this.character(view)));
    }

    character(view) {
      const [logits] = dense([this.levels.at(-1).views.values[view].inputs], this.weights, "logits");
      return this.run.alphabet[logits.indexOf(Math.max(...logits))];
    }

    answer(parts) {
      const room = roomFor(this.run, parts);
      return decoded(this.run, this.characters(encoded(this.run, parts, room)), room);
    }
  }

  // A function from operands to the answer of a network.
  function answering(run, weights) {
    if (run.network !== "latch_tagger") return (parts) => computed.evaluated(run, weights, parts).answer;
    const tables = new Tables(run, weights);
    return (parts) => tables.answer(parts);
  }

  // The operands of a map of questions, from the smallest one: a thousand numbers for a network that has tables.
  function operandsOf(run) {
    if (run.dashes) return Array.from({ length: Math.min(run.size, 100) }, (_, index) => "-".repeat(index + 1));
    const most = run.residues ? run.size : 10 ** Math.min(run.size, run.network === "latch_tagger" ? 3 : 2);
    return Array.from({ length: Math.min(most, 1000) }, (_, index) => String(index));
  }

  // Whether the answers to all pairs of operands are wrong: a row of 0 and 1 for each left operand, one after another.
  function* mistakes(run, weights) {
    const answer = answering(run, weights), operands = operandsOf(run);
    for (const left of operands) {
      yield Uint8Array.from(operands, (right) => Number(answer([left, right]) !== solved(run, [left, right])));
    }
  }

  // The automaton

  // What an exact automaton remembers, by the task: its states in words, its first one, and the next one after two
  // digits, which ``tell`` as the number by which an arrow is labelled.
  const RULES = {
    addition: {
      names: ["no carry", "a carry"], start: 0,
      next: (state, left, right) => Number(left + right + state > 9),
      label: "sum of the two digits", tell: (left, right) => left + right,
    },
    subtraction: {
      names: ["left is smaller", "equal so far", "left is larger"], start: 1,
      next: (state, left, right) => (left < right ? 0 : left > right ? 2 : state),
      label: "left digit minus right digit", tell: (left, right) => left - right,
    },
  };

  const hasAutomaton = (run) => run.network === "latch_tagger" && run.input_format === "aligned" && run.task in RULES;

  // How an operand may continue after a character: a number has no zero in front, and does not begin again.
  function continued(before, digit) {
    if (digit === PAD) return ["number", "zero", "ended"].includes(before) ? "ended" : null;
    if (before === "ended") return null;
    return digit !== "0" ? "number" : before === "start" ? "zero" : "open";
  }

  // The states of the first layer of latches, each with what it must remember, and the arrows between these.
  function automaton(run, weights) {
    const rule = RULES[run.task], tables = new Tables(run, weights), dots = numbered(), arrows = new Map();
    const dot = (state, row) => dots.number(`${state} ${row}`, () => ({ state, row }));
    const frontier = [{ state: rule.start, row: 0, sides: ["start", "start"] }], seen = new Set();
    dot(rule.start, 0);
    const columns = [..."0123456789", PAD].flatMap((left) => [..."0123456789", PAD].map((right) => [left, right]));
    while (frontier.length) {
      const { state, row, sides } = frontier.pop();
      for (const column of columns) {
        const next = sides.map((side, index) => continued(side, column[index]));
        if (next.includes(null) || next.every((side) => side === "ended")) continue;
        const reached = step(rule, tables, { state, row }, column);
        const key = `${reached.state} ${reached.row} ${next}`;
        dot(reached.state, reached.row);
        noteArrow(arrows, state, reached.state, column, rule);
        if (!seen.has(key)) frontier.push({ ...reached, sides: next });
        seen.add(key);
      }
    }
    return { rule, tables, dots: dots.values, arrows: [...arrows.values()] };
  }

  function step(rule, tables, { state, row }, column) {
    const view = tables.first(column.map((character) => tables.run.alphabet.indexOf(character)));
    return { state: rule.next(state, ...column.map(Number)), row: tables.after(0, row, view) };
  }

  function noteArrow(arrows, from, to, column, rule) {
    if (column.includes(PAD)) return;
    const key = `${from} ${to}`, told = rule.tell(...column.map(Number));
    if (!arrows.has(key)) arrows.set(key, { from, to, least: told, most: told });
    const arrow = arrows.get(key);
    arrow.least = Math.min(arrow.least, told);
    arrow.most = Math.max(arrow.most, told);
  }

  // The way of a question through an automaton: the first state, and that after each pair of digits.
  function walk({ rule, tables, dots }, parts) {
    const [left, right] = parts.map((part) => [...part].reverse());
    let at = { state: rule.start, row: 0 };
    const number = () => dots.findIndex(({ state, row }) => state === at.state && row === at.row);
    const path = [{ column: null, dot: number(), state: at.state }];
    for (let place = 0; place < Math.max(left.length, right.length); place++) {
      const column = [left[place] ?? PAD, right[place] ?? PAD];
      at = step(rule, tables, at, column);
      path.push({ column, dot: number(), state: at.state });
    }
    return path;
  }

  return { answering, automaton, hasAutomaton, mistakes, operandsOf, walk };
})();
