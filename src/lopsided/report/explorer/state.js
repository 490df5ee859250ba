// State: what the page shows, as data; as the part of a link after #; as Python and as shell words.

// Sets whose class counts are published or follow from a profile: name -> counts, names.
const NAMED = {
  "CIFAR-10-LT, R = 100": {
    counts: exponential({ k: 10, largest: 5000, ratio: 100 }),
    names: CIFAR,
  },
  "CIFAR-10-LT, R = 10": { counts: exponential({ k: 10, largest: 5000, ratio: 10 }), names: CIFAR },
  "CIFAR-10, STEP R = 10": { counts: step({ k: 10, minority: 500, ratio: 10 }), names: CIFAR },
  "CIFAR-100-LT, R = 100": {
    counts: exponential({ k: 100, largest: 500, ratio: 100 }),
    names: null,
  },
  ...SETS,
};

// The least ridge on a bias; one that costs less is as good as free.
const LEAST_BIAS = 1e-9;

const plainSetting = (loss = "cross-entropy") => ({
  loss,
  gamma: 0.5,
  tau: 1,
  bias: "none",
  ridge: 0,
});

const exponentsOf = (setting) => (LOSSES[setting.loss] ? LOSSES[setting.loss].exponents : {});

const isTheory = (setting) => setting.loss in LOSSES;

const toHash = ({ counts, names, a, b }) => {
  const words = new URLSearchParams({ counts: counts.join(",") });
  (names || []).forEach((name) => words.append("name", name));
  for (const [side, setting] of [
    ["a", a],
    ["b", b],
  ]) {
    words.set(side, setting.loss);
    if (!isTheory(setting)) continue;
    Object.keys(exponentsOf(setting)).forEach((exponent) =>
      words.set(`${side}.${exponent}`, setting[exponent]),
    );
    if (setting.bias !== "none") words.set(`${side}.bias`, setting.bias);
    if (setting.ridge) words.set(`${side}.ridge`, setting.ridge);
  }
  return words.toString();
};

// The state that a link holds, on top of what the page starts from; {problem} where it holds none.
const fromHash = (hash, start, losses) => {
  const words = new URLSearchParams(hash),
    state = structuredClone(start);
  if (words.has("counts")) {
    const found = parseCounts(words.get("counts"));
    if (found.problem) return found;
    const names = words.getAll("name");
    if (
      names.length &&
      (names.length !== found.counts.length ||
        new Set(names).size < names.length ||
        names.includes(""))
    ) {
      return { problem: "The link has not one name for each class." };
    }
    Object.assign(state, { counts: found.counts, names: names.length ? names : null });
  }
  for (const side of ["a", "b"]) {
    const loss = words.get(side);
    if (loss === null) continue;
    if (!losses.includes(loss))
      return {
        problem: `The link names the loss “${short(loss, 40)}”, which this page has not.`,
      };
    const setting = { ...plainSetting(loss), ...(LOSSES[loss] ? LOSSES[loss].exponents : {}) };
    for (const [name, least, most] of [
      ["gamma", -2, 2],
      ["tau", -3, 3],
      ["ridge", 0, 1e9],
    ]) {
      const word = words.get(`${side}.${name}`);
      if (word === null) continue;
      const value = Number(word);
      if (!word.trim() || !(value >= least && value <= most)) {
        return { problem: `The link's ${name} must be a number from ${least} to ${most}.` };
      }
      setting[name] = value;
    }
    const bias = words.get(`${side}.bias`);
    if (bias !== null && !["none", "free"].includes(bias)) {
      const value = Number(bias);
      if (!bias.trim() || !(value >= LEAST_BIAS && value <= 1e9)) {
        return {
          problem: `The link's bias must be none, free or a number from ${LEAST_BIAS} to ${1e9}.`,
        };
      }
      setting.bias = value;
    } else if (bias !== null) setting.bias = bias;
    state[side] = setting;
  }
  return state;
};

const pythonLoss = (setting) => {
  const { gamma, tau } = setting;
  return {
    "cross-entropy": "Adjustment()",
    weighted: "Adjustment.weighted(counts)",
    ldam: "Adjustment.ldam(counts)",
    "logit-adjusted": `Adjustment.logit_adjusted(counts, tau=${tau})`,
    cdt: `Adjustment.cdt(counts, gamma=${gamma})`,
    ldt: `Adjustment.ldt(counts, gamma=${gamma})`,
    vs: `Adjustment.vs(counts, gamma=${gamma}, tau=${tau})`,
    margins: `Adjustment(margin=(counts.values / counts.values.max()) ** -(${gamma}))`,
  }[setting.loss];
};

const pythonSide = (setting) => {
  if (setting.loss === "etf") return "predict.etf(counts.k)";
  if (!isTheory(setting)) return 'Geometry.load("...")  # measured: the page has its numbers alone';
  const words = { none: "", free: ', bias="free"' },
    bias = words[setting.bias] ?? `, bias=${setting.bias}`;
  return `foresee(Problem(counts, ${pythonLoss(setting)}, ridge=${setting.ridge}${bias}))`;
};

const toPython = ({ counts, names, a, b }) =>
  [
    "from lopsided import Adjustment, Counts, Geometry, Problem, foresee, predict",
    "",
    `counts = Counts([${counts.join(", ")}]${
      names ? `, names=${printable(JSON.stringify(names))}` : ""
    })`,
    `a = ${pythonSide(a)}`,
    `b = ${pythonSide(b)}`,
    "print(a.distance(b))",
  ].join("\n");

// Margins of an exponent are the scales of LDT by the same exponent.
const shellSide = (setting, counts) => {
  if (!isTheory(setting) && setting.loss !== "etf")
    return "# measured: lopsided measure FEATURES --report PAGE";
  const given = setting.loss === "etf" ? counts.map(() => 1) : counts,
    words = ["lopsided predict --counts", given.join(",")];
  if (!isTheory(setting)) return words.join(" ");
  if (setting.loss !== "cross-entropy")
    words.push("--loss", setting.loss === "margins" ? "ldt" : setting.loss);
  Object.keys(exponentsOf(setting)).forEach((name) => words.push(`--${name}`, setting[name]));
  if (setting.bias !== "none") words.push("--bias", setting.bias);
  if (setting.ridge) words.push("--ridge", setting.ridge);
  return words.join(" ");
};

const toShell = ({ counts, a, b }) => [shellSide(a, counts), shellSide(b, counts)].join("\n");
