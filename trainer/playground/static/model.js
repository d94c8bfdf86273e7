// The networks that the page computes itself: those of the runs in runs.js that have a ``network``.
//
// The file is a JavaScript version of trainer/models/ and trainer/data/input_formats.py, for networks that fit on a page.
"use strict";

const computed = (() => {
  const PAD = " ";
  const SATURATED = 20; // from here on, tanh is 1 in double precision

  // The right answers.
  const SOLVE = {
    addition: (left, right) => left + right,
    subtraction: (left, right) => left - right,
    multiplication: (left, right) => left * right,
    modular_addition: (left, right, modulus) => (left + right) % modulus,
    pq: (left, right) => left + right,
  };

  // Questions

  // The signs of web pages and phones, and the characters that they stand for; as in arithmetic/text.py.
  const LIKE_ASCII = { "−": "-", "–": "-", "×": "*", "÷": "/" };
  const FULL_WIDTH = 0xfee0; // from a character to the full-width one of East Asian keyboards

  // A question in ASCII, without blanks, and without a sign of equality at its end.
  function bareOf(typed) {
    return typed.replace(/\s/g, "").replace(/[！-～]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - FULL_WIDTH))
      .replace(/[−–×÷]/g, (sign) => LIKE_ASCII[sign]).replace(/=$/, "");
  }

  // A question as people type it: its two operands, as in the datasets.
  function operands(run, typed) {
    const bare = bareOf(typed);
    const parts = bare.split(run.symbol).map((part) => spelled(part, run));
    const form = run.dashes ? /^-+$/ : /^(0|[1-9][0-9]*)$/;
    if (parts.length !== 2 || !parts.every((part) => form.test(part))) {
      throw new Error(`the question '${typed}' is not one of ${run.task}; write one such as ${run.example}`);
    }
    const most = run.residues ? run.size - 1 : run.most;
    if (parts.some((part) => (run.residues ? BigInt(part) > BigInt(most) : part.length > most))) {
      throw new Error(`the question has an operand that is too large; this page asks about ${
        run.residues ? `0 to ${most}` : `at most ${most} ${run.units}`}`);
    }
    return parts;
  }

  // An operand without short forms, 7{20} and, of dashes, 300; each at most one character longer than a question may be.
  function spelled(part, run) {
    const most = (run.residues ? String(run.size).length : run.most) + 1;
    const times = (character, count) => character.repeat(Math.min(Number(count), most));
    if (run.dashes && /^[0-9]+$/.test(part)) return times("-", part);
    return part.replace(/([^{}])\{([0-9]+)\}/g, (_, character, count) => times(character, count));
  }

  // The widths of strings that are long enough for the operands.
  function roomFor(run, parts) {
    const size = run.residues ? run.size : Math.max(run.size, ...parts.map((part) => part.length));
    const width = ({ base, slope }) => base + slope * size;
    return { size, question: width(run.question_width), answer: width(run.answer_width), operand: width(run.operand_width) };
  }

  function solved(run, parts) {
    if (run.dashes) return run.answer_prefix + "-".repeat(SOLVE[run.task](parts[0].length, parts[1].length));
    return run.answer_prefix + SOLVE[run.task](BigInt(parts[0]), BigInt(parts[1]), BigInt(run.size));
  }

  // Input formats: a question as rows of ids, one row per step, and the answer from its ids.

  const backwards = (run) => run.input_format !== "plain";

  function encoded(run, parts, room) {
    const id = (character) => run.alphabet.indexOf(character);
    if (run.input_format === "plain" || run.input_format === "reversed") {
      const padded = parts.join(run.symbol).padEnd(room.question, PAD);
      return (run.reverse ? [...padded].reverse() : [...padded]).map((character) => [id(character)]);
    }
    const steps = answerSteps(run, room);
    const [left, right] = parts.map((part) => [...part].reverse());
    const digit = (side, place) => id(side[place] ?? PAD);
    return Array.from({ length: steps }, (_, step) => {
      if (run.input_format === "aligned") return [digit(left, step), digit(right, step)];
      // The pairs of a step of the input format `partial_products`: blank where the right number has no such digit.
      return Array.from({ length: room.operand }, (_, place) => {
        const isThere = step >= place && step - place < room.operand;
        return isThere ? [digit(left, place), digit(right, step - place)] : [id(PAD), id(PAD)];
      }).flat();
    });
  }

  function answerSteps(run, room) {
    return ["aligned", "partial_products"].includes(run.input_format) ? Math.max(room.answer, room.operand) : room.answer;
  }

  function decoded(run, characters, room) {
    const text = characters.join("");
    if (!backwards(run)) return text.trim();
    const unpadded = text.trimEnd();
    return unpadded.length > room.answer ? "" : [...unpadded].reverse().join("").trim();
  }

  // Layers, on arrays with one Float64Array per step

  const relu = (rows) => rows.map((row) => row.map((value) => Math.max(0, value)));
  const sigmoid = (value) => 1 / (1 + Math.exp(-value));
  const tanh = (value) => (Math.abs(value) > SATURATED ? Math.sign(value) : Math.tanh(value));
  const clip = (value, low, high) => Math.min(high, Math.max(low, value));

  function dense(rows, weights, name) {
    const { shape: [inputs, units], values } = weights[`${name}/kernel`];
    const bias = weights[`${name}/bias`]?.values ?? new Float32Array(units);
    return rows.map((row) => times(row, values, inputs, new Float64Array(bias)));
  }

  // Adds a row times a matrix [inputs, units] to a sum.
  function times(row, values, inputs, sum) {
    const units = sum.length;
    for (let input = 0; input < inputs; input++) {
      const factor = row[input];
      if (factor === 0) continue;
      for (let unit = 0, at = input * units; unit < units; unit++, at++) sum[unit] += factor * values[at];
    }
    return sum;
  }

  function oneHot(ids, depth) {
    return ids.map((step) => {
      const row = new Float64Array(step.length * depth);
      step.forEach((id, channel) => { row[channel * depth + id] = 1; });
      return row;
    });
  }

  // What a network reads of each step: the sum of the vectors of its pairs of characters, or these one-hot.
  function characters(ids, run, weights) {
    const depth = run.alphabet.length, table = weights["pairs/table"] ?? weights["read/table"];
    if (!table) return oneHot(ids, depth);
    const { shape: [, units], values } = table;
    return ids.map((step) => {
      const sum = new Float64Array(units);
      for (let channel = 0; channel < step.length; channel += 2) {
        const at = (step[channel] * depth + (step[channel + 1] ?? 0)) * units;
        for (let unit = 0; unit < units; unit++) sum[unit] += values[at + unit];
      }
      return sum;
    });
  }

  // A recurrent layer of Keras: what it writes at each step, and its state, which may continue from that of another layer.
  function recurrent(rows, weights, name, { goesBackwards = false, state } = {}) {
    const cell = ["lstm_cell", "gru_cell", "simple_rnn_cell"].find((each) => `${name}/${each}/kernel` in weights);
    const [kernel, loop, bias] = ["kernel", "recurrent_kernel", "bias"].map((each) => weights[`${name}/${cell}/${each}`]);
    const { shape: [units, size], values: looped } = loop;
    const [inputs] = kernel.shape;
    let { hidden, carry } = state ?? { hidden: new Float64Array(units), carry: new Float64Array(units) };
    const written = scanned(rows, goesBackwards, (row) => {
      const read = times(row, kernel.values, inputs, new Float64Array(bias.values.slice(0, size)));
      // A GRU resets what it remembers behind the product, which so has a bias of its own.
      const known = times(hidden, looped, units, new Float64Array(cell === "gru_cell" ? bias.values.slice(size) : size));
      [hidden, carry] = CELLS[cell](read, known, hidden, carry);
      return hidden;
    });
    return { written, state: { hidden, carry } };
  }

  // What a function with a state makes of each step, the first one first, or the last one.
  function scanned(rows, goesBackwards, step) {
    const written = (goesBackwards ? [...rows].reverse() : rows).map((row) => step(row));
    return goesBackwards ? written.reverse() : written;
  }

  // One step of a cell: what it reads and what it remembers, each before the activations, and its state.
  const CELLS = {
    lstm_cell(read, known, hidden, carry) {
      const units = hidden.length;
      const gate = (number, unit) => read[number * units + unit] + known[number * units + unit];
      const carried = carry.map((value, unit) =>
        sigmoid(gate(1, unit)) * value + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit)));
      return [carried.map((value, unit) => sigmoid(gate(3, unit)) * Math.tanh(value)), carried];
    },
    gru_cell(read, known, hidden, carry) {
      const units = hidden.length;
      return [hidden.map((value, unit) => {
        const [kept, reset] = [0, 1].map((number) => sigmoid(read[number * units + unit] + known[number * units + unit]));
        const added = Math.tanh(read[2 * units + unit] + reset * known[2 * units + unit]);
        return kept * value + (1 - kept) * added;
      }), carry];
    },
    simple_rnn_cell: (read, known, hidden, carry) => [read.map((value, unit) => Math.tanh(value + known[unit])), carry],
  };

  const joined = (...rows) => Float64Array.from(rows.flatMap((row) => [...row]));
  const beside = (...sequences) => sequences[0].map((_, step) => joined(...sequences.map((rows) => rows[step])));

  // Networks, from ids to logits

  const NETWORKS = {
    bilstm_tagger(run, weights, ids) {
      let rows = characters(ids, run, weights);
      for (let number = 0; number < run.layers; number++) {
        const [forward, backward] = ["forward", "backward"].map((way) => recurrent(
          rows, weights, `both_${number}/${way}_layer_${number}`, { goesBackwards: way === "backward" }).written);
        rows = beside(forward, backward);
      }
      return dense(rows, weights, "logits");
    },

    wave_tagger(run, weights, ids) {
      const pairs = characters(ids, run, weights);
      const { shape: [width, units], values } = weights["waves/kernel"];
      const none = new Float64Array(units);
      const waves = pairs.map((_, step) => {
        const column = joined(...Array.from({ length: width }, (_, place) => pairs[step - width + 1 + place] ?? none));
        return times(column, values, width * units, new Float64Array(weights["waves/bias"].values)).map(Math.sin);
      });
      const read = beside(pairs, waves);
      let rows = read;
      for (let number = 0; number < run.layers; number++) rows = recurrent(rows, weights, `layer_${number}`).written;
      return dense(relu(dense(beside(read, rows), weights, "dense")), weights, "logits");
    },

    encoder_decoder(run, weights, ids, steps) {
      const { hidden } = recurrent(characters(ids, run, weights), weights, "encoder").state;
      let rows = new Array(steps).fill(hidden);
      for (let number = 0; number < run.layers; number++) rows = recurrent(rows, weights, `decoder_${number}`).written;
      return dense(rows, weights, "logits");
    },

    // Autoregressive, with attention to the question.
    lstm_attention(run, weights, ids, steps, shares) {
      let encoded = characters(ids, run, weights);
      const states = Array.from({ length: run.layers }, (_, number) => {
        const { written, state } = recurrent(encoded, weights, `encoder_${number}`);
        encoded = written;
        return state;
      });
      let previous = run.alphabet.length; // the mark before the first character
      return Array.from({ length: steps }, () => {
        let rows = oneHot([[previous]], run.alphabet.length + 1);
        states.forEach((before, number) => {
          const { written, state } = recurrent(rows, weights, `decoder_${number}`, { state: before });
          [rows, states[number]] = [written, state];
        });
        const [query] = dense(rows, weights, "query");
        const looks = softmax(encoded.map((row) => row.reduce((sum, value, unit) => sum + value * query[unit], 0)));
        const seen = rows[0].map((_, unit) => encoded.reduce((sum, row, step) => sum + looks[step] * row[unit], 0));
        const combined = dense([joined(seen, rows[0])], weights, "combine").map((row) => row.map(Math.tanh));
        const [logits] = dense(combined, weights, "logits");
        shares.push(looks);
        previous = logits.indexOf(Math.max(...logits));
        return logits;
      });
    },

    latch_tagger(run, weights, ids) {
      let inputs = relu(characters(ids, run, weights));
      const seen = [inputs];
      for (let number = 0; number < run.layers; number++) {
        const settings = dense(inputs, weights, `settings_${number}`);
        seen.push(neighbours(latches(settings, number > 0)));
        inputs = relu(dense(beside(...seen), weights, `layer_${number}`));
      }
      return dense(inputs, weights, "logits");
    },

    counter(run, weights, ids, steps) {
      const [encoder, decoder] = added(run, weights);
      const units = encoder[0].length;
      const count = new Float64Array(units);
      for (const [id] of ids) encoder[id].forEach((value, unit) => { count[unit] += value; });
      const told = dense([[1, 0], [0, 1]], weights, "readout_signal");
      const { shape: [, outputs], values } = weights["readout_0/kernel"];
      // Most counters are far from zero, where their tanh stays the same: only what changes is multiplied.
      const seen = new Float64Array(units), sum = new Float64Array(weights["readout_0/bias"].values);
      let read = Array.from({ length: steps }, (_, step) => {
        const kind = Math.min(step, 1);
        for (let unit = 0; unit < units; unit++) {
          count[unit] += decoder[kind][unit];
          const change = tanh(count[unit]) - seen[unit];
          if (change === 0) continue;
          seen[unit] += change;
          for (let output = 0, at = unit * outputs; output < outputs; output++, at++) sum[output] += change * values[at];
        }
        return sum.map((value, output) => value + told[kind][output]);
      });
      for (let number = 1; number < run.layers; number++) read = dense(relu(read), weights, `readout_${number}`);
      return dense(relu(read), weights, "logits");
    },
  };

  function latches(settings, goesBackwards) {
    const units = settings[0].length / 2;
    let held = new Float64Array(units);
    return scanned(settings, goesBackwards, (row) => {
      held = held.map((value, unit) => (row[unit] > 0 ? (row[units + unit] > 0 ? 1 : -1) : value));
      return held;
    });
  }

  // The steps before and after beside each step, each with a mark that tells it from the zeros past the ends.
  function neighbours(rows) {
    const none = new Float64Array(rows[0].length + 1);
    const marked = rows.map((row) => joined(row, [1]));
    return rows.map((row, step) => joined(row, marked[step - 1] ?? none, marked[step + 1] ?? none));
  }

  // What each character adds to each counter: of the encoder, and of the decoder.
  function added(run, weights) {
    return ["encoder", "decoder"].map((name) => {
      const { shape: [depth, both], values } = weights[`${name}/kernel`];
      const bias = weights[`${name}/bias`].values, units = both / 2;
      return Array.from({ length: depth }, (_, id) => Float64Array.from({ length: units }, (_, unit) => {
        const gates = [unit, units + unit].map((at) => (values[id * both + at] + bias[at]) * run.counter_steepness);
        return clip(gates[0] + 0.5, 0, 1) * clip(gates[1], -1, 1);
      }));
    });
  }

  function softmax(row) {
    const most = Math.max(...row);
    const powers = row.map((value) => Math.exp(value - most));
    const sum = powers.reduce((total, value) => total + value, 0);
    return Array.from(powers, (value) => value / sum);
  }

  // Weights: base64 of float32, the least significant byte first. An exported page has them, otherwise they come from the server.
  const KEPT = 16; // networks whose weights stay in memory
  const known = new Map();

  function weightsOf(run, epoch) {
    const key = JSON.stringify([run.name, epoch]);
    if (!known.has(key)) {
      const loaded = loadedWeights(run, epoch);
      loaded.catch(() => known.delete(key)); // the next request may succeed
      known.set(key, loaded); // so that two parts of the page load them once
      if (known.size > KEPT) known.delete(known.keys().next().value);
    }
    return known.get(key);
  }

  async function loadedWeights(run, epoch) {
    const stored = run.weights ? run.weights[epoch ?? "best"] : await request("api/weights", { run: run.name, epoch });
    return Object.fromEntries(Object.entries(stored).map(([name, { shape, base64 }]) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      return [name, { shape, values: new Float32Array(bytes.buffer) }];
    }));
  }

  async function answer(run, typed, epoch) {
    return evaluated(run, await weightsOf(run, epoch), operands(run, typed));
  }

  // The answer of a network with some weights to a question, given by its operands.
  function evaluated(run, weights, parts) {
    const room = roomFor(run, parts);
    const ids = encoded(run, parts, room);
    const steps = answerSteps(run, room);
    const shares = []; // of each step, its attention to each character of the question
    const probabilities = NETWORKS[run.network](run, weights, ids, steps, shares).map(softmax);
    const written = probabilities.map((row) => run.alphabet[row.indexOf(Math.max(...row))]);
    const answered = decoded(run, written, room), right = solved(run, parts);
    const show = (character) => (character === PAD ? window.playground.blank : character);
    const read = ids.map((step) => step.map((id) => show(run.alphabet[id])).join(""));
    return {
      question: parts.join(run.symbol),
      answer: answered,
      right,
      wanted: backwards(run) ? [...right].reverse() : [...right],
      confidence: probabilities.reduce((product, row) => product * Math.max(...row), 1),
      read,
      written: written.map(show),
      backwards: backwards(run),
      alphabet: [...run.alphabet].map(show).join(""),
      probabilities,
      attention: shares.length ? [{ layer: "attention", keys: read, shares: [shares] }] : [],
    };
  }

  return { answer, evaluated, operands, weightsOf, roomFor, encoded, decoded, solved, dense, relu, characters, joined, PAD };
})();
