// From a setting to its geometry, at once where a form speaks, else better with every frame.

// Until this relative gap an optimum on its way is not shown: it would only flicker.
const SHOWN = 0.02;
// Milliseconds of each frame that solving may take.
const BUDGET = 12;

// What a loss has that no longer matters as the ridge vanishes.
const WITHOUT_EFFECT = {
  weighted: "weights",
  "logit-adjusted": "shifts",
  vs: "shifts",
  ldam: "additive margins",
};
const withoutEffect = ({ loss }) =>
  WITHOUT_EFFECT[loss] ? `; there ${WITHOUT_EFFECT[loss]} have no effect` : "";

const fixedBias = ({ bias }) =>
  bias === "none" || bias === "free" ? "" : "; there a bias with a ridge of its own vanishes";

// A side's geometry: {geometry, note, work}; `work` goes on with the solving, where there is some.
const begin = (setting, counts, measured) => {
  const given = measured.find(({ title }) => `measured: ${title}` === setting.loss);
  if (setting.loss === "etf")
    return { geometry: simplex(counts.length), note: "the simplex of balanced classes" };
  if (given) {
    return given.classifiers.length === counts.length
      ? { geometry: given, note: "measured, as it was given to this page" }
      : {
          note: `Measured on ${given.classifiers.length} classes, here are ${counts.length}.`,
        };
  }
  const parameters = parametersOf(counts, setting),
    free = setting.bias === "free";
  if (!setting.ridge) {
    const reason = whyNoForm(parameters, setting);
    if (reason) return { note: reason };
    const besides = withoutEffect(setting) + fixedBias(setting);
    return {
      geometry: (free ? freeBias : vanishing)(parameters),
      note: `closed form, the limit as the ridge vanishes${besides}`,
    };
  }
  const most = largestRidge(parameters, setting.bias);
  if (setting.ridge >= most)
    return { note: `At this ridge the optimum is zero; it must be below ${digits(most)}.` };
  return { work: optimum(parameters, setting), note: "solving …" };
};

// Goes on for a frame; returns whether there is anything new to show.
const advance = (side) => {
  const end = performance.now() + BUDGET;
  let news = false;
  while (side.work && performance.now() < end) {
    const { value, done } = side.work.next();
    if (value) side.latest = value;
    if (done) side.work = null;
  }
  if (!side.latest) return news;
  const { gap } = side.latest;
  if (gap <= SHOWN || !side.work) {
    const shown = gap <= SHOWN ? side.latest : null;
    news = side.geometry !== shown;
    side.geometry = shown;
  }
  if (!side.work && gap > SHOWN) {
    side.note =
      `Not solved: the optimum may cost ${digits(100 * gap)} % less than the best point found;` +
      " lopsided solve goes further.";
    return news;
  }
  side.note = side.work
    ? "solving …"
    : `optimum at this ridge, proved to a relative gap of ${digits(gap)}`;
  return news;
};

// The whole answer at once: {geometry} or {note} that says why there is none.
const geometryOf = (counts, setting) => {
  const side = begin(setting, counts, []);
  while (side.work) advance(side);
  return side;
};

const largestRidgeOf = (setting, counts) =>
  isTheory(setting) ? largestRidge(parametersOf(counts, setting), setting.bias) : 1;
