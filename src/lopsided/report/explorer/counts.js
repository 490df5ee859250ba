// Counts: profiles of imbalance as `lopsided.Counts` has them, and counts that are pasted.

const MOST_CLASSES = 100;
const LARGEST_COUNT = 2 ** 53;

// Whether a product is a whole number but for rounding.
const whole = (value, size) => Math.abs(value - Math.round(value)) <= 1e-9 * size;

const step = ({ k, minority, ratio, rho = 0.5 }) => {
  const few = Math.round(rho * k);
  return Array.from({ length: k }, (_, c) =>
    c < k - few ? Math.round(ratio * minority) : minority,
  );
};

// Why there is no such STEP; empty if there is.
const whyNoStep = ({ k, minority, ratio, rho }) => {
  const few = rho * k,
    most = ratio * minority;
  if (!whole(few, k) || Math.round(few) < 1 || Math.round(few) >= k)
    return (
      `ρ k must be a whole number of minority classes, from 1 to ${k - 1};` +
      ` it is ${digits(few)}.`
    );
  return whole(most, most)
    ? ""
    : `R times the samples of a minority must be a whole number; it is ${digits(most)}.`;
};

// The whole part of a count over a power. Powers round: 32 / 32 ** 0.8 is 2, and in these numbers
// less.
const wholePart = (most, power) => {
  const found = most / power,
    error = Number.EPSILON * (2 + Math.log(Math.min(power, LARGEST_COUNT))) * found;
  return Math.abs(found - Math.round(found)) <= error ? Math.round(found) : Math.floor(found);
};

const exponential = ({ k, largest: most, ratio }) =>
  Array.from({ length: k }, (_, c) => wholePart(most, ratio ** (c / (k - 1))));

const zipf = ({ k, largest: most, exponent = 1 }) =>
  Array.from({ length: k }, (_, c) => wholePart(most, (c + 1) ** exponent));

// Profile -> its counts, why there are none, and its parameters: label, start, least, most, and the
// step of whole numbers (1), of others, or none ("any").
const PROFILES = {
  step: {
    title: "STEP",
    counts: step,
    problem: whyNoStep,
    fields: {
      k: ["classes k", 4, 2, MOST_CLASSES, 1],
      minority: ["samples of a minority", 5, 1, 1e6, 1],
      ratio: ["ratio R", 10, 1, 1e4, "any"],
      rho: ["share of minorities ρ", 0.5, 0.01, 0.99, 0.01],
    },
  },
  exponential: {
    title: "exponential",
    counts: exponential,
    fields: {
      k: ["classes k", 10, 2, MOST_CLASSES, 1],
      largest: ["samples of the largest", 500, 1, 1e6, 1],
      ratio: ["ratio R", 100, 1, 1e4, "any"],
    },
  },
  zipf: {
    title: "Zipf",
    counts: zipf,
    fields: {
      k: ["classes k", 20, 2, MOST_CLASSES, 1],
      largest: ["samples of the largest", 1000, 1, 1e6, 1],
      exponent: ["exponent", 1, 0, 3, 0.1],
    },
  },
};

// Why these are no counts; empty if they are.
const whyNoCounts = (counts) => {
  if (counts.length < 2) return "A classifier needs at least 2 classes.";
  if (counts.length > MOST_CLASSES) {
    return (
      `The page draws up to ${MOST_CLASSES} classes, these are ${counts.length};` +
      " lopsided predict has no limit."
    );
  }
  const wrong = counts.findIndex((n) => !(Number.isInteger(n) && n >= 1 && n <= LARGEST_COUNT));
  return wrong < 0 ? "" : `Class ${wrong} must have a whole number of samples, from 1 to 2^53.`;
};

// What may be one number or several: 1,500 or 1 500, its space one that breaks no line or not.
const GROUPED = /(?<!\d)\d{1,3}(?:[, \u00a0\u2007\u202f]\d{3})+(?!\d)/;
// The number of a word; beyond what numbers here tell apart, infinity.
const counted = (word) =>
  Number(word) === LARGEST_COUNT && BigInt(word.split(".")[0]) > LARGEST_COUNT
    ? Infinity
    : Number(word);
const either = (found) => ({
  problem: `“${short(found, 36)}” may be one number or several: write 1500, not 1,500 or 1 500.`,
});

const nameOrNumber = (found) => ({
  problem:
    `“${short(found, 36)}” may be numbers, or a name and its number: write numbers` +
    " as 1500, a name as 3.5: 1500.",
});
// Whether words count up from 0 or 1, as labels do.
const countUp = (words) =>
  [0, 1].some((first) => words.every((word, c) => word === String(first + c)));
// Whether of two numbers a line the first or the second do; 1. as in a numbered list, too.
const labelled = (lines) =>
  lines.length > 1 &&
  lines.every((line) => line.length === 2) &&
  [0, 1].some((column) => countUp(lines.map((line) => line[column].replace(/\.$/, ""))));
// Whether those of every other line do, with as many in the line below: labels above their counts.
const headed = (lines) => {
  const above = lines.filter((_, i) => i % 2 === 0);
  return (
    lines.length % 2 === 0 &&
    above.every((line, i) => line.length === lines[2 * i + 1].length) &&
    above.flat().length > above.length &&
    countUp(above.flat())
  );
};

// How tables call the sum of a column, as `counting.TOTALS` has it.
const TOTALS = new RegExp(
  "^\\W*(grand\\W*|sub\\W*|eind|ins)?" +
    "(sum|all|overall|summe|somme|suma|tota(l|ls|le|al)|gesamt(summe|zahl|ergebnis)?)" +
    "(\\W+(sum|total|result|g[eé]n[eé]rale?|complessivo|of|all|classes|samples|counts?|n))*\\W*$",
  "i",
);

// A name in JSON, in which other signs than ASCII may stand as their escapes.
const unescaped = (part, name) => {
  try {
    return part.startsWith('"') ? JSON.parse(`"${name}"`) : name;
  } catch {
    return name;
  }
};

// Pasted text -> {counts, names} or {problem}: numbers apart by commas, spaces or lines; or names
// and numbers, a pair a line (cat: 50, or cat,50) or all on one line (cat: 50, dog: 20); or JSON of
// these.
const parseCounts = (text) => {
  const json = text.trim().startsWith("{");
  const plain = text
    .trim()
    .replace(/^(?:\[(.*)\]|\((.*)\)|\{(.*)\})$/s, (_, ...inside) => inside.slice(0, 3).join(""))
    .trim();
  const words = plain.split(/[\s,;]+/).filter(Boolean);
  let counts = [],
    names = null;
  if (words.every((word) => /^\d+(\.0?0?)?$/.test(word))) {
    if (/(^|[,;])\s*[,;]/.test(plain)) {
      return { problem: `In “${short(plain, 36)}” the number before a comma is missing.` };
    }
    const lines = plain.split("\n").filter((line) => line.trim());
    const inLines = lines.map((line) => line.split(/[\s,;]+/).filter(Boolean));
    if (labelled(inLines)) return nameOrNumber(lines[0].trim());
    if (headed(inLines)) {
      const above = short(lines[0].trim(), 36);
      return {
        problem: `“${above}” may be labels above their counts: write the counts alone.`,
      };
    }
    const grouped = plain.match(GROUPED);
    if (grouped && new Set(plain.match(/[\s,;]+/g)).size > 1) return either(grouped[0]);
    counts = words.map(counted);
  } else {
    const lines = plain
      .split(/[\n;]/)
      .map((line) => line.trim().replace(/,$/, ""))
      .filter(Boolean);
    const parts =
      lines.length > 1
        ? lines
        : plain
            .split(/(?<=\d)\s*,/)
            .map((part) => part.trim())
            .filter(Boolean);
    const pairs = parts.map((part) => part.match(/^["']?(.*?)["']?\s*([:=,\t ])\s*(\d+)$/));
    if (pairs.includes(null)) {
      const wrong =
        parts.find((part, i) => !pairs[i] && !/^\d+$/.test(part)) || parts[pairs.indexOf(null)];
      return {
        problem: `Write numbers, or a name and a number a line; found “${short(wrong, 36)}”.`,
      };
    }
    // What ends like a number was cut from one: "cat: 1" of "cat: 1,500", "cat 1" of "cat 1 500".
    const cut = pairs.findIndex(
      ([, name, mark, count]) =>
        /[:=,\t]\s*\d[\d,. ]*$/.test(name) ||
        (/[, ]/.test(mark) && / \d{1,3}$/.test(name) && count.length === 3),
    );
    if (cut >= 0) return either(parts[cut]);
    const numbers = ([, name, mark]) =>
      !/[:=]/.test(mark) && name.split(/[\s,]+/).every((word) => word && !isNaN(word));
    if (pairs.every(numbers)) {
      return nameOrNumber(parts[0]);
    }
    names = pairs.map(([part, name]) => (json ? unescaped(part, name) : name).trim());
    counts = pairs.map((pair) => counted(pair[3]));
    const blank = names.indexOf("");
    if (blank >= 0) return { problem: `The class of “${short(parts[blank], 36)}” has no name.` };
    const twice = names.find((name, c) => names.indexOf(name) < c);
    if (twice !== undefined) return { problem: `The name “${short(twice, 40)}” comes twice.` };
    const all = counts.reduce((sum, n) => sum + n, 0);
    const total = names.find((name, c) => TOTALS.test(name) && 2 * counts[c] === all);
    if (total !== undefined && names.length > 2) {
      return { problem: `“${short(total, 40)}” is no class but the sum of the others.` };
    }
  }
  const problem = whyNoCounts(counts);
  return problem ? { problem } : { counts, names };
};

// The classes of one count are interchangeable: {label of each class, value and size of a group}.
const groupsOf = (counts) => {
  const values = [...new Set(counts)].sort((a, b) => a - b);
  const label = counts.map((n) => values.indexOf(n));
  const sizes = values.map((_, g) => label.filter((other) => other === g).length);
  return { label, values, sizes };
};

// The minority classes, by the definition of `Counts.minorities`.
const minorities = (counts) => {
  const most = largest(counts),
    least = -largest(counts.map((n) => -n));
  return counts.map((n) => n < Math.sqrt(least * most) && n <= Math.floor(most / 2));
};
